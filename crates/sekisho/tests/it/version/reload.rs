//! What a reload keeps of versions.

use super::{USERS, config, gateway, get};

#[test]
fn each_versions_counters_outlive_a_reload() {
    let (gateway, services) = gateway("", USERS);
    get(&gateway, "/v1/users/7", "");
    get(&gateway, "/v2/users/7", "");
    get(&gateway, "/v9/users/7", "");
    let count = |version: &str, want: f64| {
        gateway.wait_metric(
            "gateway_version_requests_total",
            &[("route", "/users/*"), ("version", version)],
            want,
        );
    };
    for version in ["v1", "v2", "unsupported"] {
        count(version, 1.0);
    }
    let three = USERS.replace("v2: {", "v3: { service: old }, v2: {");
    gateway.reconfigure(&config(&services, "", &three));
    get(&gateway, "/v2/users/7", "");
    get(&gateway, "/v3/users/7", "");
    for (version, want) in [("v1", 1.0), ("v2", 2.0), ("v3", 1.0), ("unsupported", 1.0)] {
        count(version, want);
    }
}

#[test]
fn each_versions_limits_outlive_a_reload() {
    let limited = |rate: &str| {
        format!(
            "- path: /users/*\n  public: true\n  service: old\n  versions:\n    \
             v1: {{ policies: {{ rate_limit: {{ rate: {rate} }} }} }}\n    v2: {{ policies: {{ rate_limit: {{ rate: {rate} }} }} }}\n"
        )
    };
    let (gateway, services) = gateway("", &limited("1/h"));
    assert_eq!(get(&gateway, "/v1/users/7", "").status, 200);
    gateway.reconfigure(&config(&services, "drain: { grace: 31s }", &limited("1/h")));
    assert_eq!(get(&gateway, "/v1/users/7", "").status, 429);
    assert_eq!(get(&gateway, "/v2/users/7", "").status, 200, "each version counts by itself");
}
