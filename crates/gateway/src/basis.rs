//! What one exchange goes by, and holds until it is over.
//!
//! Most hold the whole configuration that was in force when they began: that costs a counter. One that may become a tunnel may
//! last for days, through thousands of reloads. So it copies what it needs of its one route, and lets go of the rest.

use std::rc::Rc;
use std::sync::Arc;

use sekisho_exchange::{Alarm, Exchange};
use sekisho_wire::{HeadView, Known};

use crate::forward::{Introduction, Via};
use crate::listener::Door;
use crate::plan::Plan;
use crate::site::{ClientTimeouts, Site};
use crate::walk::Way;
use crate::worker::{Held, Worker};

/// What an exchange goes by.
pub(crate) enum Basis {
    /// A configuration, and which of its plans: `None` for that of requests without a route.
    Whole(Rc<Held>, Option<usize>),
    /// Copies.
    Alone(Box<Alone>),
}

/// What is needed of a configuration by an exchange that is under way.
pub(crate) struct Alone {
    plan: Plan,
    via: Option<Via>,
    identity: Introduction,
    client: ClientTimeouts,
}

impl Basis {
    /// For a request with this head, whose plan was found.
    #[inline]
    pub(crate) fn of(site: Rc<Held>, plan: Option<usize>, head: HeadView<'_>) -> Self {
        if head.present().contains(Known::Upgrade)
            && let Some(alone) = plan.and_then(|plan| Alone::of(&site, plan))
        {
            return Self::Alone(Box::new(alone));
        }
        Self::Whole(site, plan)
    }

    /// The way of `exchange`, whose parameters get their names from it.
    #[inline]
    pub(crate) fn way<'a>(
        &'a self,
        exchange: &mut Exchange<'a>,
        (worker, alarm, door): (&'a Rc<Worker>, &'a Alarm, &'a Arc<Door>),
    ) -> Way<'a> {
        let (plan, via, identity, client) = match self {
            Self::Whole(site, plan) => {
                let plan = plan.map_or(&site.fallback, |plan| &site.plans[plan]);
                (plan, &site.settings.via, site.settings.identity, &site.settings.client)
            }
            Self::Alone(alone) => (&alone.plan, &alone.via, alone.identity, &alone.client),
        };
        for (param, name) in exchange.params.iter_mut().zip(&plan.params) {
            param.0 = name;
        }
        Way { plan, via: via.as_ref(), identity, client, worker, alarm, door, basis: self }
    }

    /// The same for another exchange. Not for one that stands alone: nothing is asked beside a tunnel.
    pub(crate) fn shared(&self) -> Option<Self> {
        match self {
            Self::Whole(site, plan) => Some(Self::Whole(Rc::clone(site), *plan)),
            Self::Alone(_) => None,
        }
    }
}

impl Alone {
    #[cold]
    fn of(site: &Site, plan: usize) -> Option<Self> {
        let settings = &site.settings;
        Some(Self {
            plan: site.plans[plan].for_a_tunnel()?,
            via: settings.via.clone(),
            identity: settings.identity,
            client: settings.client,
        })
    }
}
