//! THE TABLE: every policy, in walking order.
//!
//! The order is fixed here so that no configuration can misorder security. What the macro makes of the table is static
//! dispatch and nothing else: an enum of steps, an enum of their passes, and the `match` over them.

use schemars::{Schema, SchemaGenerator};
use sekisho_exchange::{Exchange, Outcome, Policy, Response, Verdict};
use sekisho_wire::HeadView;
use sekisho_yaml::Node;

use crate::compile::{Compile, Context, Here};
use crate::{
    access_log, api_key, authorize, basic_auth, body_limit, cache, compress, concurrency, cors, decompress,
    forward_auth, headers, ip_filter, jwt, quota, rate_limit, request_id, rewrite, security_headers,
    user_lookup,
};

/// Policies that are on every route unless switched off, with the settings of an empty block.
pub const DEFAULT_ON: &[&str] = &["request_id", "access_log", "body_limit"];

macro_rules! policies {
    ($($module:ident => $Type:ident,)+) => {
        /// The names of all policies, in walking order.
        pub const NAMES: &[&str] = &[$(stringify!($module)),+];

        /// A policy as it runs.
        pub enum Step {
            $(#[allow(missing_docs, reason = "each is documented where it stands")] $Type($module::$Type),)+
        }

        /// What a step hands from `enter` to `leave`.
        pub enum Pass {
            /// The step was not entered.
            NotEntered,
            $(#[allow(missing_docs, reason = "each is documented where it stands")] $Type(<$module::$Type as Policy>::Pass),)+
        }

        impl Step {
            /// Reads and compiles the settings of the policy `name`. `None` if there is a problem, which `here` then has,
            /// or no policy of that name.
            pub fn compile(name: &str, settings: &Node, here: &mut Here<'_>, context: &Context<'_>) -> Option<Self> {
                match name {
                    $(stringify!($module) => {
                        let config: $module::Config = sekisho_yaml::read(settings, &here.path, here.problems)?;
                        config.compile(here, context).map(Self::$Type)
                    })+
                    _ => None,
                }
            }

            /// The policy's name, as in YAML.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$Type(_) => stringify!($module),)+ }
            }

            /// Whether [`Step::leave`] is called on every answer, entered or not.
            pub fn on_every_answer(&self) -> bool {
                match self { $(Self::$Type(_) => <$module::$Type as Policy>::EVERY_ANSWER,)+ }
            }

            /// Whether it may vouch for a client.
            pub fn authenticates(&self) -> bool {
                match self { $(Self::$Type(_) => <$module::$Type as Policy>::AUTHENTICATES,)+ }
            }

            /// Whether [`Step::weigh`] is to be asked.
            pub fn weighs(&self) -> bool {
                match self { $(Self::$Type(_) => <$module::$Type as Policy>::WEIGHS,)+ }
            }

            /// See [`Policy::challenge`].
            pub fn challenge(&self) -> Option<&str> {
                match self { $(Self::$Type(policy) => policy.challenge(),)+ }
            }

            /// See [`Policy::enter`].
            #[inline]
            pub fn enter(&self, exchange: &mut Exchange<'_>) -> Verdict<Pass> {
                match self { $(Self::$Type(policy) => policy.enter(exchange).map(Pass::$Type),)+ }
            }

            /// See [`Policy::weigh`].
            pub fn weigh(&self, pass: &mut Pass, exchange: &mut Exchange<'_>, head: HeadView<'_>) -> bool {
                match (self, pass) {
                    $((Self::$Type(policy), Pass::$Type(pass)) => policy.weigh(pass, exchange, head),)+
                    _ => false,
                }
            }

            /// See [`Policy::leave`].
            #[inline]
            pub fn leave(&self, pass: Pass, exchange: &mut Exchange<'_>, response: &Response<'_>) {
                match self {
                    $(Self::$Type(policy) => {
                        let pass = if let Pass::$Type(pass) = pass { pass } else { Default::default() };
                        policy.leave(pass, exchange, response);
                    })+
                }
            }

            /// See [`Policy::account`].
            #[inline]
            pub fn account(&self, exchange: &Exchange<'_>, outcome: &Outcome) {
                match self { $(Self::$Type(policy) => policy.account(exchange, outcome),)+ }
            }
        }

        /// The JSON Schema of each policy's settings, by name.
        pub fn schemas(generator: &mut SchemaGenerator) -> Vec<(&'static str, Schema)> {
            vec![$((stringify!($module), generator.subschema_for::<$module::Config>())),+]
        }
    };
}

policies! {
    request_id => RequestId,
    access_log => AccessLog,
    ip_filter => IpFilter,
    security_headers => SecurityHeaders,
    cors => Cors,
    body_limit => BodyLimit,
    concurrency => Concurrency,
    rate_limit => RateLimit,
    decompress => Decompress,
    api_key => ApiKey,
    basic_auth => BasicAuth,
    jwt => Jwt,
    forward_auth => ForwardAuth,
    user_lookup => UserLookup,
    authorize => Authorize,
    quota => Quota,
    cache => Cache,
    rewrite => Rewrite,
    headers => Headers,
    compress => Compress,
}
