//! Services: where they run, how they are asked, and what comes back.
//!
//! [`send`] is the whole of a call up to the response's head: it picks an endpoint, takes a connection from the worker's
//! [`Pools`], streams the request to it while it waits for the answer, and repeats what is safe to repeat when a kept
//! connection proves stale. What comes back is a [`Call`], whose body the caller reads. What the gateway asks for itself goes the
//! same way: a [`Service`] is a [`Peer`](sekisho_exchange::Peer).

mod balance;
mod breaker;
mod call;
mod carry;
mod compose;
mod config;
mod conn;
mod discover;
mod failure;
mod fleet;
mod health;
mod hedge;
mod limit;
mod outlier;
mod peer;
mod pool;
mod prepare;
mod retry;
mod send;
mod service;
mod tls;
mod tunnel;
mod upload;

pub use balance::{Algorithm, BalanceConfig, Key};
pub use breaker::{Breaker, BreakerConfig, BreakerState, Change, Guard, Per, Standing};
pub use call::{BrokenResponse, Call};
pub use carry::Carry;
pub use config::{Config, ConnectionsConfig, TimeoutsConfig};
pub use discover::{DiscoverConfig, Discovered, EtcdRegistry, Looked};
pub use failure::Failure;
pub use fleet::{
    Alias, Asked, Authority, ConnectionLimits, Empty, Endpoint, EndpointConfig, Fault, Fleet, Member,
    Replaced, SameSite, Scheme, Seen, StickyConfig, Target,
};
pub use health::{Asker, Check, CheckKind, HealthConfig, HealthMeter, Rounds, Statuses};
pub use hedge::{After, HedgeConfig, HedgeMeter};
pub use limit::{
    AdaptiveConfig, AdaptiveSettings, Limit, LimitAlgorithm, LimitConfig, LimitSeen, LimitSettings,
};
pub use outlier::{BelowConfig, OutlierConfig, SuccessRateConfig};
pub use peer::{AtUrl, Dialer, Mirror, Nobody, Over, peer_at, peer_over};
pub use pool::Pools;
pub use prepare::{Files, Prepared, prepare};
pub use retry::{BackoffConfig, Cause, RetryConfig, RetryMeter};
pub use send::{Terms, send};
pub use service::{Service, Timeouts};
pub use tls::{Config as TlsConfig, ReadFile, Secured, pem};
pub use tunnel::{Seat, Switched, TUNNEL_ENDINGS, TunnelMeter, Tunnels, TunnelsConfig, chosen, offer};
pub use upload::Waiting;
