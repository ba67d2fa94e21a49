//! [`At`]: a value together with the place it was read from.
//!
//! serde has no way to ask a format for places, so the question is asked by name: the value is announced as
//! a newtype called [`AT`]. The YAML reader knows the name and answers with four elements (file, line,
//! column, the value itself); every other format sees a newtype and hands over the value.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

use super::Place;

/// The newtype name by which a deserializer recognises [`At`]. It then answers with a sequence of the file
/// (a string), the line and the column (`u32`), and the value.
pub const AT: &str = "$sekisho::At";

/// A value and where it was written; behaves as the value. Equal when the values are, wherever they stood.
#[derive(Clone, Debug, Default)]
pub struct At<T> {
    /// Where the value was written; [`Place::none`] if it was read from something without places.
    pub place: Place,
    /// The value.
    pub value: T,
}

impl<T> At<T> {
    /// A value at a place.
    pub fn new(place: Place, value: T) -> Self {
        Self { place, value }
    }

    /// A value from nowhere, such as a default.
    pub fn nowhere(value: T) -> Self {
        Self { place: Place::none(), value }
    }

    /// Another value at the same place.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> At<U> {
        At { place: self.place, value: change(self.value) }
    }
}

impl<T> Deref for At<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: PartialEq> PartialEq for At<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for At<T> {}

impl<T: fmt::Display> fmt::Display for At<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl<T: serde::Serialize> serde::Serialize for At<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for At<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(AT, AtVisitor(PhantomData))
    }
}

struct AtVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for AtVisitor<T> {
    type Value = At<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<At<T>, D::Error> {
        T::deserialize(deserializer).map(At::nowhere)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<At<T>, A::Error> {
        let missing = |index| A::Error::invalid_length(index, &"file, line, column and value");
        let file: String = parts.next_element()?.ok_or_else(|| missing(0))?;
        let line = parts.next_element()?.ok_or_else(|| missing(1))?;
        let column = parts.next_element()?.ok_or_else(|| missing(2))?;
        let value = parts.next_element()?.ok_or_else(|| missing(3))?;
        Ok(At::new(Place::new(file, line, column), value))
    }
}

impl<T: schemars::JsonSchema> schemars::JsonSchema for At<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }
    fn schema_id() -> std::borrow::Cow<'static, str> {
        T::schema_id()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        T::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Span;

    #[test]
    fn a_format_without_places_gives_the_value() {
        let at: At<Span> = serde_json::from_str("\"30s\"").unwrap();
        assert_eq!(at, At::nowhere(Span::from_secs(30)));
        assert!(at.place.is_none());
        assert_eq!(at.as_millis(), 30_000);
        assert_eq!(serde_json::to_string(&at).unwrap(), "\"30s\"");
    }

    #[test]
    fn is_transparent_in_the_schema() {
        assert_eq!(schemars::schema_for!(At<Span>), schemars::schema_for!(Span));
    }
}
