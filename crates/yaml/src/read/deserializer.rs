//! [`Reader`]: a node as serde's deserializer.

use serde::de::{Deserializer, Visitor};

use super::access::{AtParts, Entries, Items, Variant};
use super::cuts::Cuts;
use super::error::{ReadError, What};
use super::resolve::{Resolved, float, resolve};
use crate::node::{Kind, Node, Scalar};

/// A node as serde's deserializer, made by `IntoDeserializer` of `&Node`.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'de> {
    pub(crate) node: &'de Node,
    /// What the reading passes over.
    pub(crate) cuts: Option<&'de Cuts>,
}

impl<'de> Reader<'de> {
    /// Scalars only; anything else is not what was expected.
    fn scalar<V: Visitor<'de>>(&self, visitor: &V) -> Result<&'de Scalar, ReadError> {
        self.node.scalar().ok_or_else(|| ReadError::expected(visitor))
    }

    /// What an unquoted or substituted scalar means; a quoted one is a text.
    fn meaning<V: Visitor<'de>>(&self, visitor: &V) -> Result<Resolved, ReadError> {
        let scalar = self.scalar(visitor)?;
        Ok(if scalar.is_open() { resolve(&scalar.text) } else { Resolved::Text })
    }

    fn integer<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.meaning(&visitor)? {
            Resolved::Unsigned(number) => visitor.visit_u64(number),
            Resolved::Signed(number) => visitor.visit_i64(number),
            _ => Err(ReadError::expected(&visitor)),
        }
    }

    fn number<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let scalar = self.scalar(&visitor)?;
        match float(&scalar.text).filter(|_| scalar.is_open()) {
            Some(number) => visitor.visit_f64(number),
            // Hexadecimal and octal numbers.
            None => self.integer(visitor),
        }
    }

    fn text<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let scalar = self.scalar(&visitor)?;
        visitor.visit_borrowed_str(&scalar.text)
    }

    fn list<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match &self.node.kind {
            Kind::List(items) => visitor.visit_seq(Items::new(items, self.cuts)),
            _ => Err(ReadError::expected(&visitor)),
        }
    }

    fn map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match &self.node.kind {
            Kind::Map(entries) => visitor.visit_map(Entries::new(entries, self.cuts)),
            _ => Err(ReadError::expected(&visitor)),
        }
    }

    fn nothing<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        if self.node.is_null() { visitor.visit_unit() } else { Err(ReadError::expected(&visitor)) }
    }
}

/// Methods that hand the visitor to one of ours.
macro_rules! ask {
    ($($method:ident => $ours:ident),* $(,)?) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            self.$ours(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match &self.node.kind {
            Kind::Null => visitor.visit_unit(),
            Kind::List(_) => self.list(visitor),
            Kind::Map(_) => self.map(visitor),
            Kind::Scalar(scalar) => match self.meaning(&visitor)? {
                Resolved::Bool(yes) => visitor.visit_bool(yes),
                Resolved::Unsigned(number) => visitor.visit_u64(number),
                Resolved::Signed(number) => visitor.visit_i64(number),
                Resolved::Float(number) => visitor.visit_f64(number),
                Resolved::Text => visitor.visit_borrowed_str(&scalar.text),
            },
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.meaning(&visitor)? {
            Resolved::Bool(yes) => visitor.visit_bool(yes),
            _ => Err(ReadError::expected(&visitor)),
        }
    }

    ask! {
        deserialize_i8 => integer, deserialize_i16 => integer, deserialize_i32 => integer,
        deserialize_i64 => integer, deserialize_i128 => integer, deserialize_u8 => integer,
        deserialize_u16 => integer, deserialize_u32 => integer, deserialize_u64 => integer,
        deserialize_u128 => integer, deserialize_f32 => number, deserialize_f64 => number,
        deserialize_char => text, deserialize_str => text, deserialize_string => text,
        deserialize_bytes => text, deserialize_byte_buf => text, deserialize_identifier => text,
        deserialize_unit => nothing, deserialize_seq => list, deserialize_map => map,
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        if self.node.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.nothing(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        if name == sekisho_units::AT {
            return visitor.visit_seq(AtParts::new(&self.node.place, self));
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, ReadError> {
        // serde takes what it needs and leaves the rest unread, so that too many must be noticed here.
        match &self.node.kind {
            Kind::List(items) if items.len() > length => {
                Err(serde::de::Error::invalid_length(items.len(), &visitor))
            }
            _ => self.list(visitor),
        }
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.deserialize_tuple(length, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match &self.node.kind {
            Kind::Scalar(scalar) => visitor.visit_enum(Variant::word(&scalar.text)),
            Kind::Map(entries) if entries.len() == 1 => {
                visitor.visit_enum(Variant::entry(&entries[0], self.cuts))
            }
            Kind::Map(entries) => {
                let list = variants.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
                let message = format!("expected one key of {list}, found {} keys", entries.len());
                Err(ReadError::new(What::Other(message)))
            }
            Kind::Null | Kind::List(_) => Err(ReadError::expected(&visitor)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_unit()
    }
}
