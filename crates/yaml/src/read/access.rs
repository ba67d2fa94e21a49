//! How serde walks into a node: items, entries, keys, enum variants and the parts of an `At`.
//!
//! Each adds its step to an error that passes through, which is how a fault knows its way from the root.

use std::sync::Arc;

use sekisho_units::Place;
use serde::de::value::{BorrowedStrDeserializer, StrDeserializer, U32Deserializer};
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Expected, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::cuts::Cuts;
use super::deserializer::Reader;
use super::error::{ReadError, Step, What};
use super::resolve::{Resolved, resolve};
use crate::node::{Key, Node};

/// A list's items that were not cut.
pub(crate) struct Items<'de> {
    items: std::iter::Enumerate<std::slice::Iter<'de, Node>>,
    cuts: Option<&'de Cuts>,
}

impl<'de> Items<'de> {
    pub(crate) fn new(items: &'de [Node], cuts: Option<&'de Cuts>) -> Self {
        Self { items: items.iter().enumerate(), cuts }
    }
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ReadError> {
        let cuts = self.cuts;
        let Some((index, node)) = self.items.find(|(index, _)| !cuts.is_some_and(|cuts| cuts.hides(*index)))
        else {
            return Ok(None);
        };
        let reader = Reader { node, cuts: cuts.and_then(|cuts| cuts.within(index)) };
        seed.deserialize(reader).map(Some).map_err(|error| error.beneath(Step::Item(index)))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

/// A map's entries that were not cut.
pub(crate) struct Entries<'de> {
    entries: std::iter::Enumerate<std::slice::Iter<'de, (Key, Node)>>,
    cuts: Option<&'de Cuts>,
    /// The entry whose key was given and whose value is next.
    current: Option<(usize, &'de (Key, Node))>,
}

impl<'de> Entries<'de> {
    pub(crate) fn new(entries: &'de [(Key, Node)], cuts: Option<&'de Cuts>) -> Self {
        Self { entries: entries.iter().enumerate(), cuts, current: None }
    }
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ReadError> {
        let cuts = self.cuts;
        self.current = self.entries.find(|(index, _)| !cuts.is_some_and(|cuts| cuts.hides(*index)));
        let Some((index, (key, _))) = self.current else {
            return Ok(None);
        };
        seed.deserialize(KeyReader { key })
            .map(Some)
            .map_err(|error| error.of_key().beneath(Step::Entry(index, Arc::clone(&key.text))))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ReadError> {
        let (index, (key, node)) = self.current.take().expect("serde asks for a key before its value");
        let reader = Reader { node, cuts: self.cuts.and_then(|cuts| cuts.within(index)) };
        seed.deserialize(reader).map_err(|error| error.beneath(Step::Entry(index, Arc::clone(&key.text))))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len())
    }
}

/// A map's key as serde's deserializer.
struct KeyReader<'de> {
    key: &'de Key,
}

/// Methods that read a whole number.
macro_rules! whole {
    ($($method:ident),*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            match resolve(&self.key.text) {
                Resolved::Unsigned(number) => visitor.visit_u64(number),
                Resolved::Signed(number) => visitor.visit_i64(number),
                _ => Err(ReadError::expected(&visitor)),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for KeyReader<'de> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_borrowed_str(&self.key.text)
    }

    whole!(
        deserialize_i8,
        deserialize_i16,
        deserialize_i32,
        deserialize_i64,
        deserialize_u8,
        deserialize_u16,
        deserialize_u32,
        deserialize_u64
    );

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match resolve(&self.key.text) {
            Resolved::Bool(yes) => visitor.visit_bool(yes),
            _ => Err(ReadError::expected(&visitor)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        if name == sekisho_units::AT {
            return visitor.visit_seq(AtParts::new(&self.key.place, self));
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_enum(BorrowedStrDeserializer::new(&self.key.text))
    }

    forward_to_deserialize_any! {
        i128 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }
}

/// The four parts that [`sekisho_units::At`] asks for: file, line, column and the value itself.
pub(crate) struct AtParts<'de, D> {
    place: &'de Place,
    value: Option<D>,
    given: u8,
}

impl<'de, D> AtParts<'de, D> {
    pub(crate) fn new(place: &'de Place, value: D) -> Self {
        Self { place, value: Some(value), given: 0 }
    }
}

impl<'de, D: Deserializer<'de, Error = ReadError>> SeqAccess<'de> for AtParts<'de, D> {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ReadError> {
        self.given += 1;
        let number = |number| U32Deserializer::<ReadError>::new(number);
        match self.given {
            1 => seed.deserialize(StrDeserializer::new(&self.place.file)).map(Some),
            2 => seed.deserialize(number(self.place.line)).map(Some),
            3 => seed.deserialize(number(self.place.column)).map(Some),
            _ => self.value.take().map(|value| seed.deserialize(value)).transpose(),
        }
    }
}

/// An enum's variant: a word alone, or a map's only key with its value.
pub(crate) struct Variant<'de> {
    name: &'de str,
    entry: Option<(&'de (Key, Node), Option<&'de Cuts>)>,
}

impl<'de> Variant<'de> {
    pub(crate) fn word(name: &'de str) -> Self {
        Self { name, entry: None }
    }

    pub(crate) fn entry(entry: &'de (Key, Node), cuts: Option<&'de Cuts>) -> Self {
        Self { name: &entry.0.text, entry: Some((entry, cuts)) }
    }

    /// Reads the value beneath the variant's key, and adds the step.
    fn value<T>(self, read: impl FnOnce(Reader<'de>) -> Result<T, ReadError>) -> Result<T, ReadError> {
        let Some(((key, node), cuts)) = self.entry else {
            let message = format!("`{0}` needs a value; write `{0}: …`", self.name);
            return Err(ReadError::new(What::Other(message)));
        };
        if cuts.is_some_and(|cuts| cuts.hides(0)) {
            return Err(ReadError::new(What::Other("the only entry was cut".to_owned())));
        }
        let reader = Reader { node, cuts: cuts.and_then(|cuts| cuts.within(0)) };
        read(reader).map_err(|error| error.beneath(Step::Entry(0, Arc::clone(&key.text))))
    }
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = ReadError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), ReadError> {
        let name: BorrowedStrDeserializer<'de, ReadError> = BorrowedStrDeserializer::new(self.name);
        seed.deserialize(name).map(|variant| (variant, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = ReadError;

    fn unit_variant(self) -> Result<(), ReadError> {
        if self.entry.is_none() {
            return Ok(());
        }
        self.value(|reader| {
            let expected: &dyn Expected = &"nothing";
            if reader.node.is_null() { Ok(()) } else { Err(ReadError::expected(expected)) }
        })
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, ReadError> {
        self.value(|reader| seed.deserialize(reader))
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, ReadError> {
        self.value(|reader| reader.deserialize_tuple(length, visitor))
    }

    /// A word alone stands for a map without entries, so that a variant of defaults needs no braces.
    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        if self.entry.is_none() {
            return visitor.visit_map(Entries::new(&[], None));
        }
        self.value(|reader| reader.deserialize_map(visitor))
    }
}

impl<'de> IntoDeserializer<'de, ReadError> for &'de Node {
    type Deserializer = Reader<'de>;

    /// Reads without cuts and stops at the first error; [`read`](super::read) reports them all.
    fn into_deserializer(self) -> Reader<'de> {
        Reader { node: self, cuts: None }
    }
}
