//! What the service's answer means.

use std::borrow::Cow;
use std::sync::Arc;

use sekisho_exchange::{Answered, Exchange, Identity, Reply, Unanswered};
use sekisho_wire::{HeadView, KnownSet, list_items, odd_spellings};

use super::known::Passed;

/// How an answer is read.
pub(super) struct Reading {
    /// Headers for the request.
    pub(super) copy: Vec<Box<str>>,
    /// Headers for the client.
    pub(super) answer: Vec<Box<str>>,
    /// Headers that say who the client is.
    pub(super) tells: Option<Tells>,
    /// Whether redirections are for the client.
    pub(super) redirects: bool,
}

/// Headers that say who the client is.
pub(super) struct Tells {
    pub(super) id: Box<str>,
    pub(super) email: Option<Box<str>>,
    pub(super) tier: Option<Box<str>>,
    pub(super) roles: Option<Box<str>>,
    pub(super) permissions: Option<Box<str>>,
}

/// What it comes to.
#[derive(Debug)]
pub(super) enum Answer {
    /// The request may pass.
    Passed(Passed),
    /// It may not, and this is for the client.
    Refused(Box<Reply>),
    /// There is none, or one that says that there can be none now. The word is for the log.
    None(&'static str),
    /// There is one, but what it says is not clear: nobody passes by a misunderstanding.
    Unclear(&'static str),
}

impl Reading {
    /// Takes the headers that are the service's to give from the request, in whatever spelling.
    pub(super) fn strip(&self, exchange: &mut Exchange<'_>) {
        if self.copy.is_empty() {
            return;
        }
        let view = exchange.head;
        for name in &self.copy {
            exchange.to_service.remove_name(name);
        }
        let names: Vec<&str> = self.copy.iter().map(AsRef::as_ref).collect();
        for line in odd_spellings(view, KnownSet::default(), &names).iter() {
            let name = view.raw_lines().get(line).map(|line| line.name.of(view.bytes()));
            if let Some(Ok(name)) = name.map(std::str::from_utf8) {
                exchange.to_service.remove_name(name);
            }
        }
    }

    /// Reads an answer.
    pub(super) fn of(&self, answer: Result<Answered, Unanswered>) -> Answer {
        let answer = match answer {
            Ok(answer) => answer,
            Err(Unanswered::Unclear(reason)) => return Answer::Unclear(reason),
            Err(Unanswered::Absent(reason)) => return Answer::None(reason),
        };
        let head = answer.head.view();
        match head.status() {
            200..=299 => self.passed(head),
            status @ (401 | 403) => self.refused(status, head, answer.body),
            status @ (301 | 302 | 303 | 307 | 308) if self.redirects => {
                self.refused(status, head, answer.body)
            }
            500..=599 => Answer::None("unexpected_status"),
            _ => Answer::Refused(Box::new(Reply::forbidden(None, "unexpected_status"))),
        }
    }

    fn passed(&self, head: HeadView<'_>) -> Answer {
        let identity = match &self.tells {
            Some(tells) => tells.identity(head).map(|identity| identity.map(Arc::new)),
            None => Ok(None),
        };
        let Ok(identity) = identity else { return Answer::Unclear("bad_identity") };
        let lines = self
            .copy
            .iter()
            .flat_map(|name| head.find_all(name).map(move |value| (name.clone(), value.into())));
        Answer::Passed(Passed { identity, copied: lines.collect() })
    }

    fn refused(&self, status: u16, head: HeadView<'_>, body: Vec<u8>) -> Answer {
        let lines = self.answer.iter().flat_map(|name| head.find_all(name).map(move |value| (name, value)));
        let lines = lines.filter_map(|(name, value)| {
            let value = std::str::from_utf8(value).ok()?;
            Some((Cow::Owned(name.to_string()), Cow::Owned(value.to_owned())))
        });
        let content_type = head.find("content-type").and_then(|value| std::str::from_utf8(value).ok());
        let body = (!body.is_empty()).then(|| (content_type.unwrap_or_default().to_owned(), body));
        Answer::Refused(Box::new(Reply::said_elsewhere(status, lines.collect(), body)))
    }
}

impl Tells {
    /// Who the client is; `None` if the answer does not say.
    fn identity(&self, head: HeadView<'_>) -> Result<Option<Identity>, ()> {
        let text = |name: &str| -> Result<&str, ()> {
            let mut values = head.find_all(name);
            let value = values.next().unwrap_or_default();
            // Of two that differ nobody knows which is meant.
            if values.any(|other| other != value) {
                return Err(());
            }
            std::str::from_utf8(value).map_err(drop)
        };
        let optional = |name: &Option<Box<str>>| name.as_deref().map_or(Ok(""), text);
        let list = |name: &Option<Box<str>>| -> Result<Vec<&str>, ()> {
            let values = name.iter().flat_map(|name| head.find_all(name)).flat_map(list_items);
            values.map(|item| std::str::from_utf8(item).map_err(drop)).collect()
        };
        let id = text(&self.id)?;
        if id.is_empty() {
            return Ok(None);
        }
        let described = Identity::of("forward_auth", id, 256).map_err(drop)?;
        let described = described.email(optional(&self.email)?).tier(optional(&self.tier)?);
        let described = described.roles(list(&self.roles)?).permissions(list(&self.permissions)?);
        Ok(Some(described.done()))
    }
}
