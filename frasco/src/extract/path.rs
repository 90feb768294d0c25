//! [`Path`]: the values of a rule's variables, as a value of the handler's.
//!
//! A small deserializer over texts: a single value, a tuple in the rule's order, or a struct or map by names.

use std::fmt;

use serde::de::value::{MapDeserializer, SeqDeserializer, StrDeserializer};
use serde::de::{self, DeserializeOwned, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::FromRequest;
use crate::error::{Error, abort};
use crate::handler::Boot;
use crate::request::Request;

/// The values of the rule's variables: one value, a tuple in the rule's order, or a struct or map by their names. 404 if one doesn't
/// fit, as `<int:id>` of a million does into `Path<u8>`. That the rule can fit at all is looked at at boot.
///
/// # Examples
///
/// ```
/// use frasco::{App, BuildError, Path};
///
/// #[derive(serde::Deserialize)]
/// struct Post {
///     year: u16,
///     slug: String,
/// }
///
/// async fn post(Path(post): Path<Post>) -> String {
///     format!("{} of {}", post.slug, post.year)
/// }
///
/// async fn page(Path((tag, page)): Path<(String, u32)>) -> String {
///     format!("page {page} of {tag}")
/// }
///
/// # fn main() -> Result<(), BuildError> {
/// let app = App::builder("blog").get("/<int:year>/<slug>", post).get("/tag/<tag>/<int:page>", page).build()?;
/// let client = rsgi_test::Client::new(app);
/// assert_eq!(client.get("/2026/hello").answer().text(), "hello of 2026");
/// assert_eq!(client.get("/tag/rust/2").answer().text(), "page 2 of rust");
///
/// let error = App::builder("blog").get("/<year>/<slug>", post).build().unwrap_err();
/// assert!(error.to_string().contains("<int:year>"), "{error}");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequest for Path<T> {
    async fn from_request(request: &Request) -> Result<Self, Error> {
        let values: Vec<(&str, &str)> = request.path_values().collect();
        T::deserialize(Values(&values)).map(Self).map_err(|_| abort(404).into())
    }

    fn check(boot: &Boot<'_>) -> Result<(), String> {
        let Some(variables) = boot.variables() else { return Ok(()) };
        let values: Vec<(&str, &str)> =
            variables.iter().map(|(name, sample)| (name.as_str(), sample.as_str())).collect();
        match T::deserialize(Values(&values)) {
            Ok(_) | Err(Unfit::OfItsOwn) => Ok(()),
            Err(Unfit::Shape(why)) => Err(format!(
                "the rule's variables don't fit into Path<{}>: {why}",
                std::any::type_name::<T>()
            )),
        }
    }
}

/// Why values don't fit.
#[derive(Debug)]
enum Unfit {
    /// By the rule: no value of it ever would.
    Shape(String),
    /// By what the type itself says of this value.
    OfItsOwn,
}

impl fmt::Display for Unfit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Shape(why) => why,
            Self::OfItsOwn => "the value isn't taken",
        })
    }
}

impl std::error::Error for Unfit {}

impl de::Error for Unfit {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::OfItsOwn
    }

    fn invalid_type(unexpected: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::Shape(format!("it wants {expected}, not {unexpected}"))
    }

    fn invalid_length(length: usize, expected: &dyn de::Expected) -> Self {
        Self::Shape(format!("it wants {expected}, and the rule has {length}"))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Shape(format!("the rule has no variable <{field}>"))
    }
}

/// All values.
struct Values<'a>(&'a [(&'a str, &'a str)]);

impl<'a> Values<'a> {
    fn only(&self) -> Result<Value<'a>, Unfit> {
        match self.0 {
            [(name, text)] => Ok(Value { name, text }),
            all => Err(Unfit::Shape(format!(
                "it wants one value, and the rule has {}: take a tuple or a struct",
                all.len()
            ))),
        }
    }

    fn each(&self) -> impl Iterator<Item = Value<'a>> {
        self.0.iter().map(|(name, text)| Value { name, text })
    }
}

macro_rules! only {
    ($($method:ident),*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
            self.only()?.$method(visitor)
        }
    )*};
}

impl<'de> de::Deserializer<'de> for Values<'_> {
    type Error = Unfit;

    only!(
        deserialize_bool,
        deserialize_i8,
        deserialize_i16,
        deserialize_i32,
        deserialize_i64,
        deserialize_i128,
        deserialize_u8,
        deserialize_u16,
        deserialize_u32,
        deserialize_u64,
        deserialize_u128,
        deserialize_f32,
        deserialize_f64,
        deserialize_char,
        deserialize_str,
        deserialize_string,
        deserialize_bytes,
        deserialize_byte_buf,
        deserialize_option,
        deserialize_identifier
    );

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        if self.0.len() == 1 { self.only()?.deserialize_any(visitor) } else { self.deserialize_map(visitor) }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        visitor.visit_unit()
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Unfit> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Unfit> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unfit> {
        self.only()?.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        visitor.visit_seq(SeqDeserializer::new(self.each()))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Unfit> {
        if self.0.len() != length {
            let has = self.0.len();
            return Err(Unfit::Shape(format!("it wants {length} values, and the rule has {has}")));
        }
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Unfit> {
        self.deserialize_tuple(length, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        visitor.visit_map(MapDeserializer::new(self.each().map(|value| (value.name, value))))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unfit> {
        self.deserialize_map(visitor)
    }
}

/// One value.
#[derive(Clone, Copy)]
struct Value<'a> {
    name: &'a str,
    text: &'a str,
}

impl IntoDeserializer<'_, Unfit> for Value<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! parsed {
    ($($method:ident $visit:ident $type:ty, $converter:literal;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
            let Self { name, text } = self;
            let parsed = text.parse::<$type>().map_err(|_| {
                let wanted = stringify!($type);
                Unfit::Shape(format!("<{name}> may be {text:?}, and it wants {wanted}: write <{}:{name}>", $converter))
            })?;
            visitor.$visit(parsed)
        }
    )*};
}

impl<'de> de::Deserializer<'de> for Value<'_> {
    type Error = Unfit;

    parsed! {
        deserialize_i8 visit_i8 i8, "int"; deserialize_i16 visit_i16 i16, "int"; deserialize_i32 visit_i32 i32, "int";
        deserialize_i64 visit_i64 i64, "int"; deserialize_i128 visit_i128 i128, "int";
        deserialize_u8 visit_u8 u8, "int"; deserialize_u16 visit_u16 u16, "int"; deserialize_u32 visit_u32 u32, "int";
        deserialize_u64 visit_u64 u64, "int"; deserialize_u128 visit_u128 u128, "int";
        deserialize_f32 visit_f32 f32, "float"; deserialize_f64 visit_f64 f64, "float";
        deserialize_bool visit_bool bool, "any(true, false)"; deserialize_char visit_char char, "string(length=1)";
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        visitor.visit_str(self.text)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Unfit> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unfit> {
        let text: StrDeserializer<'_, Unfit> = self.text.into_deserializer();
        text.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn read<T: DeserializeOwned>(values: &[(&str, &str)]) -> Result<T, Unfit> {
        T::deserialize(Values(values))
    }

    #[test]
    fn values_are_read_as_one_as_several_and_by_name() {
        #[derive(serde::Deserialize, Debug, PartialEq)]
        struct Named {
            b: u8,
            a: String,
        }
        assert_eq!(read::<i64>(&[("a", "-3")]).unwrap(), -3);
        assert_eq!(read::<String>(&[("a", "x y")]).unwrap(), "x y");
        assert_eq!(read::<(String, f32)>(&[("a", "x"), ("b", "1.5")]).unwrap(), ("x".to_owned(), 1.5));
        assert_eq!(read::<Named>(&[("a", "x"), ("b", "1")]).unwrap(), Named { b: 1, a: "x".to_owned() });
        let map: HashMap<String, String> = read(&[("a", "x"), ("b", "y")]).unwrap();
        assert_eq!(map["b"], "y");
    }

    #[test]
    fn what_can_never_fit_is_told_from_what_this_value_lacks() {
        let shapes = [
            read::<u32>(&[("id", "a")]).unwrap_err(),
            read::<u32>(&[("a", "1"), ("b", "2")]).unwrap_err(),
            read::<(u8, u8)>(&[("a", "1")]).unwrap_err(),
        ];
        let told: Vec<String> = shapes.iter().map(ToString::to_string).collect();
        assert!(told[0].contains("<int:id>"), "{told:?}");
        assert!(told[1].contains("the rule has 2"), "{told:?}");
        assert!(told[2].contains("it wants 2 values"), "{told:?}");
        assert!(matches!(
            read::<std::num::NonZeroU8>(&[("id", "0")]),
            Err(Unfit::Shape(_) | Unfit::OfItsOwn)
        ));
    }
}
