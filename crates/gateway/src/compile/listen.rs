//! `listen`, `tls` and `admin`: the ports, and what is spoken there.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use sekisho_exchange::Scheme;
use sekisho_units::{At, Clock, OrOff, Place, Problem, Problems};
use sekisho_yaml::join;

use super::files::Files;
use crate::document::{
    Address, CertificateConfig, Listen, ListenerConfig, ProxyProtocolConfig, SecureRedirectConfig, TlsConfig,
    TopConfig,
};
use crate::listener::{Certificate, Listener, SecureRedirect, Tickets, Tls, provider, server_config};

const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED), 8080);
const ADMIN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9901);

/// Makes the listeners of one document.
struct Maker<'a> {
    top: &'a TopConfig,
    files: &'a Files<'a>,
    tickets: &'a Tickets,
    problems: &'a mut Problems,
}

/// A listener as written, with its place and path.
type Written<'a> = (&'a ListenerConfig, Place, String);

/// Where clients connect, and where operators do, if anywhere.
pub(super) fn compile(
    top: &TopConfig,
    files: &Files<'_>,
    tickets: &Tickets,
    problems: &mut Problems,
) -> (Vec<Arc<Listener>>, Option<SocketAddr>) {
    let written = top.listen.as_ref().map_or_else(Vec::new, |listen| written(listen, problems));
    clashes(&written, problems);
    let admin = admin(top, &written, problems);
    let mut maker = Maker { top, files, tickets, problems };
    let shared = top.tls.as_ref().map(|tls| maker.tls(tls, "tls"));
    let mut listeners: Vec<_> = written
        .iter()
        .map(|(config, place, path)| Arc::new(maker.listener(config, place, path, shared.as_ref(), &written)))
        .collect();
    maker.unused(&written);
    if top.listen.is_none() {
        listeners.push(Arc::new(Listener {
            address: LISTEN,
            tls: None,
            proxy_protocol: None,
            redirect: None,
        }));
    }
    (listeners, admin)
}

fn written<'a>(listen: &'a At<Listen>, problems: &mut Problems) -> Vec<Written<'a>> {
    if listen.value.0.is_empty() {
        let problem = Problem::error(listen.place.clone(), "listen", "there is no address");
        let remedy = "write one such as `http://0.0.0.0:8080`, or leave `listen` out for that one";
        problems.push(problem.remedy(remedy));
    }
    let one = |(index, at): (usize, &'a At<ListenerConfig>)| {
        // An address alone is its own place; one that stands in no list has that of `listen`.
        let near = if at.place.is_none() { &listen.place } else { &at.place };
        let place = if at.value.url.place.is_none() { near } else { &at.value.url.place };
        let path = if at.place.is_none() { "listen".to_owned() } else { format!("listen[{index}]") };
        (&at.value, place.clone(), path)
    };
    listen.value.0.iter().enumerate().map(one).collect()
}

fn clashes(written: &[Written<'_>], problems: &mut Problems) {
    for (index, (one, place, path)) in written.iter().enumerate() {
        let address = one.url.value;
        if let Some((other, ..)) =
            written[..index].iter().find(|(other, ..)| clash(address.socket, other.url.socket))
        {
            let message = format!("`{}` and `{address}` cannot both be listened to", other.url.value);
            problems.push(Problem::error(place.clone(), path.as_str(), message).remedy("keep one of them"));
        }
    }
}

/// Whether one address takes what the other is to take. Port 0 is a free port, another one each time.
fn clash(a: SocketAddr, b: SocketAddr) -> bool {
    let all = a.ip().is_unspecified() || b.ip().is_unspecified();
    a.port() == b.port() && a.port() != 0 && (a.ip() == b.ip() || (all && a.is_ipv4() == b.is_ipv4()))
}

fn admin(top: &TopConfig, written: &[Written<'_>], problems: &mut Problems) -> Option<SocketAddr> {
    let (address, place) = match &top.admin {
        None => {
            let place = written.first().map_or_else(Place::none, |(_, place, _)| place.clone());
            (Address { scheme: Scheme::Http, socket: ADMIN }, place)
        }
        Some(At { value: OrOff::Off, .. }) => return None,
        Some(At { value: OrOff::On(address), place }) => (*address, place.clone()),
    };
    if address.scheme == Scheme::Https {
        let problem = Problem::error(place.clone(), "admin", "the operators' port speaks plain HTTP only");
        problems.push(problem.remedy("write `http://…`, on an address that only operators reach"));
    }
    let clients = written.iter().map(|(config, ..)| config.url.value);
    let default = Address { scheme: Scheme::Http, socket: LISTEN };
    let mut clients = clients.chain(top.listen.is_none().then_some(default));
    if let Some(other) = clients.find(|other| clash(address.socket, other.socket)) {
        let message = format!("`{address}` is listened to for clients as well (`{other}`)");
        let remedy = "give it a port of its own, or write `admin: off`";
        problems.push(Problem::error(place, "admin", message).remedy(remedy));
    }
    Some(address.socket)
}

impl Maker<'_> {
    fn listener(
        &mut self,
        config: &ListenerConfig,
        place: &Place,
        path: &str,
        shared: Option<&Option<Tls>>,
        all: &[Written<'_>],
    ) -> Listener {
        let own = config.tls.as_ref().map(|tls| self.tls(tls, &join(path, "tls")));
        let tls = match config.url.scheme {
            Scheme::Http => {
                if let Some(tls) = &config.tls {
                    let problem =
                        Problem::error(tls.place.clone(), join(path, "tls"), "this address is plain HTTP");
                    self.problems.push(problem.remedy("write `https://…`, or take `tls` out"));
                }
                None
            }
            Scheme::Https => match own.as_ref().or(shared) {
                Some(tls) => tls.clone(),
                None => {
                    let problem = Problem::error(place.clone(), path, "there is no certificate for TLS");
                    let remedy =
                        "add `tls: { certificates: [{ certificate: …, key: … }] }` here or at the top";
                    self.problems.push(problem.remedy(remedy));
                    None
                }
            },
        };
        Listener {
            address: config.url.socket,
            tls,
            proxy_protocol: config.proxy_protocol.as_ref().and_then(|at| self.proxies(at, path)),
            redirect: config.redirect.as_ref().and_then(|at| self.redirect(at, config, path, all)),
        }
    }

    /// `None` if there is a problem with it.
    fn tls(&mut self, config: &At<TlsConfig>, path: &str) -> Option<Tls> {
        if config.certificates.is_empty() {
            let problem =
                Problem::error(config.place.clone(), join(path, "certificates"), "there is no certificate");
            self.problems.push(problem.remedy("write `[{ certificate: …, key: … }]`"));
            return None;
        }
        let read: Vec<_> = config
            .certificates
            .iter()
            .enumerate()
            .map(|(index, one)| self.certificate(one, &format!("{path}.certificates[{index}]")))
            .collect();
        let certificates: Box<[Certificate]> = read.into_iter().collect::<Option<_>>()?;
        match server_config(&certificates, config.min_version, config.unknown_name, self.tickets) {
            Ok(made) => Some(Tls { config: Arc::new(made), certificates }),
            Err(error) => {
                self.problems.push(Problem::error(
                    config.place.clone(),
                    path,
                    format!("TLS cannot be set up: {error}"),
                ));
                None
            }
        }
    }

    fn certificate(&mut self, at: &At<CertificateConfig>, path: &str) -> Option<Certificate> {
        let place_of =
            |word: &At<String>| if word.place.is_none() { at.place.clone() } else { word.place.clone() };
        let (chain_path, key_path) = (join(path, "certificate"), join(path, "key"));
        let chain = self.files.pem(&at.certificate, &place_of(&at.certificate), &chain_path, self.problems);
        let key = match &at.key {
            Some(key) => self.files.pem(key, &place_of(key), &key_path, self.problems),
            None => chain.clone(),
        };
        let certificate = match Certificate::read(&chain?, &key?, provider()) {
            Ok(certificate) => certificate,
            Err(bad) => {
                let (word, path) = match &at.key {
                    Some(key) if bad.is_of_the_key() => (key, key_path),
                    _ => (&at.certificate, chain_path),
                };
                let name = |word: &At<String>| match word.trim_start().starts_with("-----BEGIN ") {
                    // Not shown: it may be a key.
                    true => "the text".to_owned(),
                    false => format!("`{}`", word.value),
                };
                let wrong =
                    bad.wrong(&name(&at.certificate), &name(at.key.as_ref().unwrap_or(&at.certificate)));
                let problem = Problem::error(place_of(word), path, wrong);
                self.problems.push(problem.remedy(bad.remedy()));
                return None;
            }
        };
        let now = Clock::system().wall();
        let wrong = if certificate.not_after < now {
            Some("the certificate has expired")
        } else if certificate.not_before > now {
            Some("the certificate is not valid yet")
        } else {
            None
        };
        if let Some(wrong) = wrong {
            let problem = Problem::warning(place_of(&at.certificate), chain_path, wrong);
            self.problems.push(problem.remedy("renew it; clients will refuse it"));
        }
        Some(certificate)
    }

    fn proxies(&mut self, at: &At<ProxyProtocolConfig>, path: &str) -> Option<Box<[sekisho_units::Cidr]>> {
        if !at.on {
            return None;
        }
        let from = at.from.as_ref().unwrap_or(&self.top.trusted_proxies);
        if from.is_empty() {
            let problem =
                Problem::error(at.place.clone(), join(path, "proxy_protocol"), "nobody may send the header");
            self.problems.push(problem.remedy("write `{ from: [10.0.0.0/8] }`, or name `trusted_proxies`"));
        }
        Some(from.as_slice().into())
    }

    fn redirect(
        &mut self,
        at: &At<SecureRedirectConfig>,
        own: &ListenerConfig,
        path: &str,
        all: &[Written<'_>],
    ) -> Option<SecureRedirect> {
        let path = join(path, "redirect");
        if own.url.scheme == Scheme::Https {
            let problem = Problem::error(at.place.clone(), path, "this address speaks TLS already");
            self.problems.push(problem.remedy("take `redirect` out"));
            return None;
        }
        let secure = all.iter().find(|(other, ..)| other.url.scheme == Scheme::Https);
        let port = match (&at.port, secure) {
            (Some(port), _) if port.value == 0 => {
                let problem = Problem::error(
                    port.place.clone(),
                    join(&path, "port"),
                    "no client can connect to port 0",
                );
                self.problems.push(problem.remedy("write a port from 1 to 65535"));
                return None;
            }
            (Some(port), _) => port.value,
            (None, Some((other, ..))) => other.url.socket.port(),
            (None, None) => {
                let problem =
                    Problem::error(at.place.clone(), path, "there is no `https` address to send clients to");
                self.problems.push(problem.remedy("add one to `listen`, or write `{ port: 443 }`"));
                return None;
            }
        };
        Some(SecureRedirect { port, except: at.except.iter().map(|pattern| pattern.value.clone()).collect() })
    }

    /// TLS at the top that no listener speaks.
    fn unused(&mut self, all: &[Written<'_>]) {
        let Some(tls) = &self.top.tls else { return };
        let uses = |config: &ListenerConfig| config.url.scheme == Scheme::Https && config.tls.is_none();
        if !all.iter().any(|(config, ..)| uses(config)) {
            let problem = Problem::warning(tls.place.clone(), "tls", "no address in `listen` uses it");
            self.problems.push(problem.remedy("write an `https://…` address, or take `tls` out"));
        }
    }
}
