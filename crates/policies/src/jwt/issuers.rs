//! Who may have signed a token, and whether one of them did.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use sekisho_jose::{Claims, Error, Rules, Token, Verifier};
use sekisho_units::{Tick, Wall};

use super::remote::{Newer, Remote};

/// All issuers of a route.
pub(super) struct Issuers(pub(super) Vec<Issuer>);

/// One issuer: what is asked of its tokens, and its keys.
pub(super) enum Issuer {
    /// Its keys stand in the configuration.
    Fixed(Box<Verifier>),
    /// Its keys are fetched.
    Fetched {
        rules: Rules,
        remote: Arc<Remote>,
        /// For the keys of one generation.
        verifier: ArcSwapOption<(u64, Verifier)>,
    },
}

/// Whose keys a token was verified with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) issuer: u32,
    pub(super) generation: u64,
}

/// What came of a token.
pub(super) enum Checked {
    Good(Claims, Stamp),
    Bad(Error),
    /// It would take keys that are not here.
    Keyless(Lack),
}

/// Which keys are missing: the one that a token names, where there are others; or all, if none ever came, which is
/// generation 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lack {
    issuer: u32,
    seen: u64,
}

impl Lack {
    /// Whether none ever came.
    pub(super) fn is_of_all(self) -> bool {
        self.seen == 0
    }
}

impl Issuers {
    /// Verifies a token.
    pub(super) fn verify(&self, token: &[u8], now: Wall) -> Checked {
        if let [issuer] = &*self.0 {
            return issuer.verify(0, |verifier| verifier.verify(token, now));
        }
        let parsed = match Token::parse(token) {
            Ok(parsed) => parsed,
            Err(error) => return Checked::Bad(error),
        };
        let Some(named) = parsed.unverified().issuer() else { return Checked::Bad(Error::Issuer) };
        let mut worst = Checked::Bad(Error::Issuer);
        for (index, issuer) in (0..).zip(&self.0) {
            if !issuer.rules().issuers.iter().any(|own| *own == *named) {
                continue;
            }
            match issuer.verify(index, |verifier| parsed.clone().verify(verifier, now)) {
                good @ Checked::Good(..) => return good,
                // Newer keys could make it good, whatever another says.
                lack @ Checked::Keyless(_) => worst = lack,
                bad @ Checked::Bad(_) if !matches!(worst, Checked::Keyless(_)) => worst = bad,
                Checked::Bad(_) => {}
            }
        }
        worst
    }

    /// Whether newer keys may come that are not lacking.
    pub(super) fn newer(&self, lack: Lack, now: Tick) -> Newer {
        match self.0.get(lack.issuer as usize) {
            Some(Issuer::Fetched { remote, .. }) => remote.newer(lack.seen, now),
            Some(Issuer::Fixed(_)) | None => Newer::None,
        }
    }

    /// Whether the keys are still those of the stamp.
    #[inline]
    pub(super) fn is_current(&self, stamp: Stamp) -> bool {
        match self.0.get(stamp.issuer as usize) {
            Some(Issuer::Fixed(_)) => true,
            Some(Issuer::Fetched { remote, .. }) => remote.generation() == stamp.generation,
            None => false,
        }
    }
}

impl Issuer {
    pub(super) fn fetched(rules: Rules, remote: Arc<Remote>) -> Self {
        Self::Fetched { rules, remote, verifier: ArcSwapOption::empty() }
    }

    fn rules(&self) -> &Rules {
        match self {
            Self::Fixed(verifier) => verifier.rules(),
            Self::Fetched { rules, .. } => rules,
        }
    }

    #[inline]
    fn verify(&self, issuer: u32, by: impl FnOnce(&Verifier) -> Result<Claims, Error>) -> Checked {
        match self {
            Self::Fixed(verifier) => match by(verifier) {
                Ok(claims) => Checked::Good(claims, Stamp { issuer, generation: 0 }),
                Err(error) => Checked::Bad(error),
            },
            Self::Fetched { rules, remote, verifier } => {
                let generation = remote.generation();
                let known = verifier.load();
                if let Some(known) = known.as_ref().filter(|known| known.0 == generation) {
                    return judged(by(&known.1), issuer, generation);
                }
                let Some(keys) = remote.fetched() else { return Checked::Keyless(Lack { issuer, seen: 0 }) };
                let fresh = Arc::new((keys.generation, Verifier::new(rules.clone(), keys.set.clone())));
                verifier.store(Some(Arc::clone(&fresh)));
                judged(by(&fresh.1), issuer, keys.generation)
            }
        }
    }
}

fn judged(verified: Result<Claims, Error>, issuer: u32, generation: u64) -> Checked {
    match verified {
        Ok(claims) => Checked::Good(claims, Stamp { issuer, generation }),
        Err(Error::UnknownKey) => Checked::Keyless(Lack { issuer, seen: generation }),
        Err(error) => Checked::Bad(error),
    }
}
