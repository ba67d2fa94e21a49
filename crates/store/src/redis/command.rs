//! [`Command`], [`Script`] and [`Reply`]: what a server can be asked beside limits, without the client's own types.

use std::sync::Arc;

use redis::{Cmd, Value};

use super::Away;
use super::link::odd;

/// A command, word by word.
#[derive(Clone)]
pub struct Command {
    pub(super) words: Cmd,
    /// The script that it names by its digest.
    pub(super) script: Option<Script>,
}

impl Command {
    /// A command without its words yet. On a cluster the first word of most commands is a key, which says whom to ask.
    #[must_use]
    pub fn new(verb: &str) -> Self {
        Self { words: redis::cmd(verb), script: None }
    }

    /// A script on one key ([`Link::key`](super::Link::key)), before its other words.
    #[must_use]
    pub fn script(script: &Script, key: &[u8]) -> Self {
        let words = redis::cmd("EVALSHA");
        Self { words, script: Some(script.clone()) }.word(script.digest.as_bytes()).word(b"1").word(key)
    }

    /// With one more word, of whatever bytes.
    #[must_use]
    pub fn word(mut self, word: impl AsRef<[u8]>) -> Self {
        self.words.arg(word.as_ref());
        self
    }

    /// With a number as one more word.
    #[must_use]
    pub fn number(mut self, number: u64) -> Self {
        self.words.arg(number);
        self
    }
}

/// A script in Lua, which the server learns when it does not know it. What asks for it must bear to be done twice.
#[derive(Clone)]
pub struct Script {
    pub(super) text: Arc<str>,
    digest: Arc<str>,
}

impl Script {
    /// The script of a text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self { text: text.into(), digest: redis::Script::new(text).get_hash().into() }
    }
}

/// What the server says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reply {
    /// Nothing is there.
    Nothing,
    /// A number.
    Number(i64),
    /// Bytes, or a word.
    Bytes(Vec<u8>),
    /// Several.
    List(Vec<Reply>),
}

impl Reply {
    /// Reads an answer of the kinds that RESP2 knows.
    pub(super) fn read(value: Value) -> Result<Self, Away> {
        Ok(match value {
            Value::Nil => Self::Nothing,
            Value::Int(number) => Self::Number(number),
            Value::BulkString(bytes) => Self::Bytes(bytes),
            Value::SimpleString(word) => Self::Bytes(word.into_bytes()),
            Value::Okay => Self::Bytes(b"OK".to_vec()),
            Value::Array(values) => Self::List(values.into_iter().map(Self::read).collect::<Result<_, _>>()?),
            _ => return Err(odd()),
        })
    }

    /// The number; anything else is no answer to the question.
    ///
    /// # Errors
    /// [`Away::Refused`].
    pub fn number(self) -> Result<i64, Away> {
        match self {
            Self::Number(number) => Ok(number),
            _ => Err(odd()),
        }
    }

    /// The bytes.
    ///
    /// # Errors
    /// [`Away::Refused`].
    pub fn bytes(self) -> Result<Vec<u8>, Away> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            _ => Err(odd()),
        }
    }

    /// The list.
    ///
    /// # Errors
    /// [`Away::Refused`].
    pub fn list(self) -> Result<Vec<Reply>, Away> {
        match self {
            Self::List(list) => Ok(list),
            _ => Err(odd()),
        }
    }
}
