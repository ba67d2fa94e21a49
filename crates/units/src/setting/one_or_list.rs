//! [`OneOrList`]: a setting of which there may be several, and of which one is written without brackets.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::{Deserialize, Deserializer, de};

use crate::At;

/// How such a setting is read.
#[derive(Clone, Copy, Debug)]
pub struct OneOrList {
    expected: &'static str,
    single: Single,
}

/// What one value by itself may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Single {
    Text,
    TextOrMap,
}

impl OneOrList {
    /// Texts; `expected` says to people what to write, as in "a name, or a list of names".
    pub const fn of_texts(expected: &'static str) -> Self {
        Self { expected, single: Single::Text }
    }

    /// Texts or maps.
    pub const fn of_texts_or_maps(expected: &'static str) -> Self {
        Self { expected, single: Single::TextOrMap }
    }

    /// Reads them. One by itself has no place of its own: it stands where the setting does.
    ///
    /// # Errors
    /// What the value should have been, or what is wrong with one of them.
    pub fn read<'de, T, D>(self, deserializer: D) -> Result<Vec<At<T>>, D::Error>
    where
        T: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        deserializer.deserialize_any(Either(self, PhantomData))
    }
}

struct Either<T>(OneOrList, PhantomData<T>);

impl<'de, T: Deserialize<'de>> de::Visitor<'de> for Either<T> {
    type Value = Vec<At<T>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.expected)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        T::deserialize(StrDeserializer::new(text)).map(|one| vec![At::nowhere(one)])
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        match self.0.single {
            Single::TextOrMap => {
                T::deserialize(MapAccessDeserializer::new(map)).map(|one| vec![At::nowhere(one)])
            }
            Single::Text => Err(de::Error::invalid_type(de::Unexpected::Map, &self)),
        }
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::new();
        while let Some(one) = list.next_element()? {
            all.push(one);
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Span;

    fn read<T: de::DeserializeOwned>(how: OneOrList, text: &str) -> Result<Vec<T>, String> {
        let read = how.read::<T, _>(&mut serde_json::Deserializer::from_str(text));
        read.map(|all| all.into_iter().map(|at| at.value).collect()).map_err(|error| error.to_string())
    }

    #[test]
    fn takes_one_or_several_and_says_what_it_wants_instead_of_anything_else() {
        let times = OneOrList::of_texts("a time, or a list of times");
        let seconds = |all: &[u64]| Ok(all.iter().map(|one| Span::from_secs(*one)).collect::<Vec<_>>());
        for (text, want) in
            [("\"2s\"", &[2][..]), ("[\"2s\"]", &[2]), ("[\"1s\", \"3s\"]", &[1, 3]), ("[]", &[])]
        {
            assert_eq!(read::<Span>(times, text), seconds(want), "{text}");
        }
        for text in ["3", "{\"a\": 1}", "true"] {
            let error = read::<Span>(times, text).unwrap_err();
            assert!(error.contains("expected a time, or a list of times"), "{error}");
        }
        assert!(read::<Span>(times, "\"soon\"").is_err());
        assert!(read::<Span>(times, "[\"soon\"]").is_err());
    }

    #[test]
    fn takes_a_map_only_where_one_may_be_written() {
        #[derive(Debug, PartialEq, Deserialize)]
        struct Map {
            a: u32,
        }
        let maps = OneOrList::of_texts_or_maps("a map, or a list of maps");
        assert_eq!(read(maps, "{\"a\": 1}"), Ok(vec![Map { a: 1 }]));
        assert_eq!(read(maps, "[{\"a\": 1}, {\"a\": 2}]"), Ok(vec![Map { a: 1 }, Map { a: 2 }]));
        assert!(read::<Map>(maps, "{\"b\": 1}").is_err());
    }
}
