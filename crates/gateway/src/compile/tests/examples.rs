//! The examples at the project's root compile without a problem.

use super::*;

#[test]
fn the_examples_compile_without_a_problem() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    for name in ["discovery.yaml", "limits.yaml", "minimal.yaml", "routes.yaml", "versions.yaml"] {
        let Loaded { site, problems, .. } = load(&folder.join(name), &Carry::default()).unwrap();
        assert!(problems.is_empty(), "{problems}");
        assert!(!site.expect("no problems").plans.is_empty());
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = load(Path::new("no/such.yaml"), &Carry::default()).err().unwrap();
    assert!(error.to_string().starts_with("cannot read `no/such.yaml`: "), "{error}");
}
