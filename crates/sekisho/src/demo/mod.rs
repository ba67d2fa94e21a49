//! `sekisho demo`: the gateway in front of a small shop, all in one process, to try things out in the first minute.
//!
//! The configuration is `examples/shop.yaml`, word for word; the services' addresses reach it as they would reach any
//! gateway, by variables of the environment.

mod customers;
mod ports;
mod service;
mod shop;
mod tour;

use std::collections::HashMap;
use std::time::Instant;

use sekisho_units::Clock;
use tokio::runtime::{Builder, Runtime};

use self::customers::{VARIABLE, secret, tokens};
use self::ports::Wish;
use self::shop::Shop;
use crate::cli::DemoArgs;
use crate::configuration;
use crate::output::{Exit, Failure, note, print};
use crate::server::{self, Start};

/// The configuration.
const YAML: &str = include_str!("../../../../examples/shop.yaml");
/// Its name in messages.
const NAME: &str = "examples/shop.yaml";

/// A service that the configuration asks for: the variable that names it, its usual port, what it sells.
const SERVICES: &[(&str, u16, Shop)] = &[
    ("USER_SERVICE", 4001, Shop::Users),
    ("ORDER_SERVICE", 4002, Shop::Orders("order-service-1")),
    ("ORDER_SERVICE_2", 4012, Shop::Orders("order-service-2")),
    ("INVENTORY_SERVICE", 4003, Shop::Inventory),
    ("PAYMENT_SERVICE", 4004, Shop::Payments),
];

/// Runs services and gateway until INT or TERM, either of which is a good end here.
pub(crate) fn run(arguments: &DemoArgs, begun: Instant) -> Result<Exit, Failure> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("sekisho-demo")
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("cannot start the demo's services: {error}")))?;
    let mut variables = open_shop(&runtime)?;
    let secret = std::env::var(VARIABLE).ok().filter(|secret| !secret.is_empty()).map_or_else(secret, Ok);
    let secret = secret.map_err(|error| Failure::new(format!("cannot make a secret: {error}")))?;
    let tokens = tokens(&secret, Clock::system().wall());
    variables.insert(VARIABLE, secret);
    let env = |name: &str| variables.get(name).cloned().or_else(|| std::env::var(name).ok());
    let (carry, todo, alerts) = server::carried();
    let loaded = configuration::compile_text(NAME, YAML, env, carry);
    let Some(site) = loaded.site else {
        return Err(Failure::new(format!(
            "the demo's configuration cannot be used here:\n{}",
            loaded.problems
        )));
    };
    let start = Start {
        given: Default::default(),
        site,
        carry: loaded.carry,
        todo,
        alerts,
        // It is part of the program: there is nothing to read anew.
        file: None,
        traffic: vec![ports::open(Wish::of(arguments.listen, 8080))?],
        admin: Some(ports::open(Wish::of(arguments.admin, 9901))?),
        begun,
    };
    let exit = server::run(start, |addresses| {
        let told = print(&tour::text(addresses, &tokens));
        if let Err(failure) = told {
            note(&failure.to_string());
        }
    })?;
    runtime.shutdown_background();
    Ok(if exit == Exit::Interrupted { Exit::Fine } else { exit })
}

/// Starts the services, each on its usual port or else on one that is free; gives the variables that name them.
fn open_shop(runtime: &Runtime) -> Result<HashMap<&'static str, String>, Failure> {
    let mut variables = HashMap::new();
    for (variable, port, shop) in SERVICES {
        let listener = ports::open(Wish::Near { port: *port, tries: 1, silent: true })?;
        let address = listener
            .local_addr()
            .map_err(|error| Failure::new(format!("cannot read a port's address: {error}")))?;
        variables.insert(*variable, format!("http://{address}"));
        let _in_it = runtime.enter();
        let serving = service::serve(listener, *shop)
            .map_err(|error| Failure::new(format!("cannot watch a port: {error}")))?;
        runtime.spawn(serving);
    }
    Ok(variables)
}

#[cfg(test)]
mod tests {
    use sekisho_gateway::compile::Carry;

    use super::*;

    fn secret(name: &str) -> Option<String> {
        (name == VARIABLE).then(|| "0123456789abcdef0123456789abcdef".to_owned())
    }

    #[test]
    fn the_example_compiles_without_a_word_of_complaint() {
        let loaded = configuration::compile_text(NAME, YAML, secret, Carry::default());
        assert_eq!(loaded.problems.to_string(), "");
        assert!(loaded.site.is_some());
    }

    #[test]
    fn every_service_of_the_example_is_at_hand() {
        for (variable, port, _) in SERVICES {
            assert!(YAML.contains(&format!("${{{variable}:-http://127.0.0.1:{port}}}")), "{variable}");
        }
        assert_eq!(
            YAML.matches("${").count(),
            SERVICES.len() + 2,
            "the services, the secret, and the webhook"
        );
    }
}
