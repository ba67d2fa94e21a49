//! TLS settings of services: what is wrong with them and their files, and what makes connections those of others.

use std::collections::HashMap;

use rcgen::{CertificateParams, KeyPair};

use super::*;

/// A world with files: certificates and keys `a` and `b`, and some that are no good.
struct Files(HashMap<&'static str, String>);

impl Files {
    fn new() -> Self {
        let mut files = HashMap::new();
        for (certificate, key) in [("a.pem", "a.key"), ("b.pem", "b.key")] {
            let pair = KeyPair::generate().unwrap();
            let own = CertificateParams::new(vec!["h".to_owned()]).unwrap().self_signed(&pair).unwrap();
            files.insert(certificate, own.pem());
            files.insert(key, pair.serialize_pem());
        }
        let damaged = files["a.pem"].replacen("MII", "M?I", 1);
        files.insert("both.pem", format!("{}{}", files["a.pem"], files["b.pem"]));
        files.insert("damaged.pem", damaged);
        files.insert(
            "senseless.pem",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned(),
        );
        files.insert(
            "senseless.key",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n".to_owned(),
        );
        let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
        files.insert("encrypted.key", encrypted.to_owned());
        let older = "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n\
                     -----END EC PRIVATE KEY-----\n";
        files.insert("encrypted-as-before.key", older.to_owned());
        files.insert("text.pem", "hello".to_owned());
        Self(files)
    }

    fn compile(&self, text: &str, carry: &Carry) -> (Option<Site>, Problems) {
        let read_file = |path: &str| match path {
            "binary.der" => Err(io::ErrorKind::InvalidData.into()),
            _ => self.0.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into()),
        };
        let env = |name: &str| (name == "KEY").then(|| self.0["a.key"].clone());
        compile(&Source { name: "t", text, env: &env, read_file: &read_file, folder: Path::new("") }, carry)
    }

    /// What is wrong with the settings `tls` of a service with an `https://` endpoint.
    fn problems(&self, tls: &str) -> Vec<String> {
        let (site, problems) = self.compile(&text(&format!("tls: {tls}")), &Carry::default());
        assert_eq!(site.is_none(), problems.has_errors(), "{problems}");
        for (name, text) in &self.0 {
            let shown = text.lines().filter(|line| line.len() > 20 && !line.starts_with('-'));
            assert!(!shown.into_iter().any(|line| problems.to_string().contains(line)), "{name}: {problems}");
        }
        problems.iter().map(ToString::to_string).collect()
    }
}

/// A service with an `https://` endpoint.
fn text(words: &str) -> String {
    format!(
        "services: {{ a: {{ endpoints: [https://h], {words} }} }}\nroutes: [{{ path: /, public: true, service: a }}]"
    )
}

#[test]
fn what_is_wrong_with_settings_and_files_is_told_at_its_place() {
    let files = Files::new();
    for (tls, want) in [
        ("{ ca: a.pem }", ""),
        ("{ ca: both.pem, certificate: a.pem, key: a.key, name: x.test, verify: true }", ""),
        ("{ ca: a.pem, name: 10.0.0.1 }", ""),
        ("{ ca: a.pem, name: '::1' }", ""),
        (
            "{ ca: no.pem }",
            "1:53: error: services.a.tls.ca: `no.pem` cannot be read: there is no such file; name a readable file, \
             relative to the configuration's folder",
        ),
        (
            "{ ca: text.pem }",
            "1:53: error: services.a.tls.ca: `text.pem` is no PEM file; convert it with `openssl`, or name another",
        ),
        (
            "{ ca: binary.der }",
            "1:53: error: services.a.tls.ca: `binary.der` is no PEM file; convert it with `openssl`, or name another",
        ),
        (
            "{ ca: a.key }",
            "1:53: error: services.a.tls.ca: there is no certificate in `a.key`; name a file with \
             `-----BEGIN CERTIFICATE-----`",
        ),
        ("{ ca: damaged.pem }", "1:53: error: services.a.tls.ca: `damaged.pem` is damaged; write it anew"),
        (
            "{ ca: senseless.pem }",
            "1:53: error: services.a.tls.ca: certificate 1 in `senseless.pem` cannot be understood; remove it, or \
             write it anew",
        ),
        (
            "{ ca: a.pem, certificate: a.pem }",
            "1:73: error: services.a.tls.certificate: there is no key for it; add `key`",
        ),
        (
            "{ ca: a.pem, key: a.key }",
            "1:65: error: services.a.tls.key: there is no certificate for it; add `certificate`",
        ),
        (
            "{ ca: a.pem, certificate: a.pem, key: b.key }",
            "1:85: error: services.a.tls.key: the key in `b.key` is not that of the certificate in `a.pem`; name two \
             files that belong together",
        ),
        (
            "{ ca: a.pem, certificate: a.pem, key: a.pem }",
            "1:85: error: services.a.tls.key: there is no private key in `a.pem`; name a file with \
             `-----BEGIN PRIVATE KEY-----`",
        ),
        (
            "{ ca: a.pem, certificate: a.pem, key: encrypted.key }",
            "1:85: error: services.a.tls.key: the key in `encrypted.key` is encrypted; take the passphrase away \
             (`openssl pkey`), and let only the gateway read the file",
        ),
        (
            "{ ca: a.pem, certificate: a.pem, key: encrypted-as-before.key }",
            "1:85: error: services.a.tls.key: the key in `encrypted-as-before.key` is encrypted; take the passphrase away \
             (`openssl pkey`), and let only the gateway read the file",
        ),
        (
            "{ ca: a.pem, certificate: a.pem, key: senseless.key }",
            "1:85: error: services.a.tls.key: the key in `senseless.key` is of no kind that TLS uses; use ECDSA \
             (P-256), Ed25519, or RSA of 2048 bits or more",
        ),
        (
            "{ ca: a.pem, certificate: senseless.pem, key: a.key }",
            "1:73: error: services.a.tls.certificate: the first certificate in `senseless.pem` cannot be understood; \
             write it anew",
        ),
        (
            "{ ca: a.pem, certificate: a.pem, key: 'file:a.key' }",
            "1:85: error: services.a.tls.key: this is the text of a file, not its name; write the file's name, without \
             `file:`",
        ),
        (
            "{ ca: a.pem, certificate: a.pem, key: '${KEY}' }",
            "1:85: error: services.a.tls.key: this is the text of a file, not its name; write the file's name, without \
             `file:`",
        ),
        (
            "{ ca: a.pem, name: 'x:443' }",
            "1:66: error: services.a.tls.name: `x:443` is no name or address that a certificate can be for; write one \
             such as `orders.internal`, without a port",
        ),
        (
            "{ verify: false }",
            "1:57: warning: services.a.tls.verify: certificates are not checked: anybody in between can read and \
             change everything; name the service's authority in `ca`, and remove `verify: false`",
        ),
    ] {
        let want: Vec<_> = (!want.is_empty()).then(|| format!("t:{want}")).into_iter().collect();
        assert_eq!(files.problems(tls), want, "{tls}");
    }
    assert_eq!(files.problems("{ ca: no.pem, certificate: no.pem, key: no.key, name: '' }").len(), 4);
}

#[test]
fn settings_that_no_endpoint_uses_are_told_unless_they_are_shared() {
    let files = Files::new();
    let routes = "routes: [{ path: /, public: true, service: a }, { path: /b, public: true, service: b }]";
    let said = |services: &str| {
        let (_, problems) = files.compile(&format!("{services}\n{routes}"), &Carry::default());
        problems.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        said(
            "services: { a: { endpoints: [http://h], tls: { ca: a.pem } }, b: { endpoints: [http://h, https://h], tls: { ca: a.pem } } }"
        ),
        [
            "t:1:46: warning: services.a.tls: no endpoint of this service is asked over TLS; write `https://` in \
             `endpoints`, or remove it"
        ]
    );
    let shared =
        "services: { a: { endpoints: [http://h] }, b: { endpoints: [https://h] } }\nservice_defaults: ";
    assert_eq!(said(&format!("{shared}{{ tls: {{ ca: a.pem }} }}")), [""; 0]);
    assert_eq!(
        said(&format!("{shared}{{ tls: {{ ca: no.pem }} }}"))
            .iter()
            .filter(|line| line.contains("service_defaults.tls.ca: `no.pem` cannot be read"))
            .count(),
        1,
        "once, and not with every service"
    );
    let unverified = said(&format!("{shared}{{ tls: {{ verify: false }} }}"));
    assert_eq!(unverified.len(), 1, "{unverified:?}");
    assert!(unverified[0].starts_with("t:2:36: warning: services.b.tls.verify: "), "{unverified:?}");
}

#[test]
fn an_endpoint_whose_host_no_certificate_can_be_for_needs_another_name() {
    let files = Files::new();
    let services = |tls: &str| {
        format!(
            "services: {{ a: {{ endpoints: [http://h, 'https://-x'], tls: {tls} }} }}\n\
             routes: [{{ path: /, public: true, service: a }}]"
        )
    };
    let (site, problems) = files.compile(&services("{ ca: a.pem }"), &Carry::default());
    assert!(site.is_none());
    assert_eq!(
        problems.to_string(),
        "t:1:40: error: services.a.endpoints[1]: `-x` is no name that a certificate can be for; write another, or the \
         certificate's in `tls.name`"
    );
    let (site, problems) = files.compile(&services("{ ca: a.pem, name: x }"), &Carry::default());
    assert!(site.is_some(), "{problems}");
}

#[test]
fn other_settings_make_another_endpoint_and_the_same_settings_the_same() {
    let mut files = Files::new();
    let carry = Carry::default();
    let settings = [
        "verify: false",
        "ca: a.pem",
        "ca: both.pem",
        "ca: a.pem, name: x",
        "ca: a.pem, verify: false",
        "ca: a.pem, certificate: a.pem, key: a.key",
        "ca: a.pem, certificate: b.pem, key: b.key",
    ];
    // What nobody knows any more gives its place to others, so all stay known.
    let known = RefCell::new(Vec::new());
    let slots = |files: &Files| {
        settings.map(|tls| {
            let (site, problems) = files.compile(&text(&format!("tls: {{ {tls} }}")), &carry);
            let site = site.unwrap_or_else(|| panic!("{problems}"));
            let slot = site.services[0].fleet.endpoints()[0].slot();
            known.borrow_mut().push(site);
            slot
        })
    };
    let first = slots(&files);
    assert_eq!(first.iter().collect::<HashSet<_>>().len(), settings.len(), "{first:?}");
    assert_eq!(slots(&files), first);
    let renewed = files.0["b.pem"].clone();
    files.0.insert("a.pem", renewed);
    let key = files.0["b.key"].clone();
    files.0.insert("a.key", key);
    let now = slots(&files);
    let same: Vec<_> = first.iter().zip(&now).map(|(first, now)| first == now).collect();
    assert_eq!(same, [true, false, true, false, false, false, false], "it is what files hold that counts");
}
