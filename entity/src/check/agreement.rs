//! The tables and the serde types say the same.

use std::fmt;

use serde::de::{self, DeserializeOwned, Visitor};
use serde_json::{Map, Value, json};

use super::table::{self, Object, Presence, Shape};
use super::text::Rule;
use super::{code, walk};
use crate::envelope::{self, Envelope, Secret};
use crate::policy::{Concurrency, IpPolicy, PayloadLimits, Policies, RateLimit, RequestLimits, TokenLimits};
use crate::pricing::{ClassPrices, LongPromptPrices, Pricing, ToolPrices, UnitPrice};
use crate::resource::{
    ApiKeySpec, BudgetSpec, ClaimRule, ModelConfig, ModelSpec, OrganisationSpec, OverlayScope, OverlaySpec, Owner,
    PriceChange, ProviderConfig, ProviderKeySpec, ProviderSpec, QuotaSpec, ServiceAccountSpec, TeamMember, TeamSpec,
    TrustRule, UserSpec,
};
use crate::routing::{Hedge, RoutingCandidate, RoutingPolicy, RoutingSwitch};

/// Asks a type for the names of its fields, and reads nothing.
struct Ask<'a>(&'a mut Vec<&'static str>);

#[derive(Debug)]
struct Asked;

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("asked")
    }
}
impl std::error::Error for Asked {}
impl de::Error for Asked {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

impl<'de> de::Deserializer<'de> for Ask<'_> {
    type Error = Asked;
    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Asked> {
        Err(Asked)
    }
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Asked> {
        self.0.extend(fields);
        Err(Asked)
    }
    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

fn sample(shape: &Shape) -> Value {
    match shape {
        Shape::Text(rule) => json!(match rule {
            Rule::Name | Rule::Slug | Rule::Line | Rule::Prose | Rule::UpstreamName | Rule::KeyId => "acme",
            Rule::Email => "ada@example.com",
            Rule::BaseUrl | Rule::Issuer => "https://api.openai.com",
            Rule::ApiVersion => "2024-10-21",
            Rule::Money => "0.0004",
            Rule::Time => "2027-06-30T00:00:00Z",
            Rule::Preview => "sk-p…9f3a",
            Rule::Fingerprint => return json!("0".repeat(64)),
            Rule::Algorithm => envelope::ALGORITHM,
            Rule::Base64 => "QUJD",
            Rule::Cidr => "10.0.0.0/8",
            Rule::Factor => "0.25",
            Rule::Timezone => "Europe/Paris",
        }),
        Shape::Word(words) => json!(words()[0]),
        Shape::Whole(least, _) => json!(least),
        Shape::Flag => json!(true),
        Shape::Object(object) => full(object),
        Shape::Named(_, object) => json!([full(object)]),
        Shape::Set(shape) => json!([sample(shape)]),
        Shape::ByWord(words, shape) => json!({ words()[0]: sample(shape) }),
    }
}

/// An object with every field.
fn full(object: &Object) -> Value {
    object.fields.iter().map(|field| (field.name.to_owned(), sample(&field.shape))).collect::<Map<_, _>>().into()
}

fn strangers() -> Vec<Value> {
    let most = u64::from(u32::MAX);
    vec![
        json!(null),
        json!(true),
        json!(-1),
        json!(0),
        json!(1),
        json!(101),
        json!(256),
        json!(3_600_001),
        json!(most),
        json!(most + 1),
        json!(1.5),
        json!(1e30),
        json!(""),
        json!("x"),
        json!("chat"),
        json!("1.5"),
        json!("2027-06-30"),
        json!([]),
        json!(["x"]),
        json!([1]),
        json!([null]),
        json!({}),
        json!({"x": 1}),
        json!([{}]),
    ]
}

/// Whether serde and the table agree about one value, as far as the table does not ask for more than the type.
fn same_verdict<T: DeserializeOwned>(object: &Object, value: &Value) {
    let found = walk::walk(object, value);
    let read = T::deserialize(value);
    if found.is_empty() {
        assert!(
            read.is_ok(),
            "the table of {} lets pass what serde refuses ({}): {value}",
            object.title,
            read.err().unwrap()
        );
    }
    let shape = [code::UNKNOWN_FIELD, code::WRONG_TYPE, code::MISSING, code::UNSUPPORTED, code::LITERAL_SECRET];
    // serde would read a list as the object's fields in order; nobody declares anything so.
    let positional = |pointer: &str| value.pointer(pointer).is_some_and(Value::is_array);
    if let Some(violation) = found.iter().find(|it| shape.contains(&it.code) && !positional(&it.pointer)) {
        assert!(read.is_err(), "serde reads what the table of {} refuses ({violation:?}): {value}", object.title);
    }
}

fn agree<T: DeserializeOwned>(object: &'static Object) {
    let mut fields = Vec::new();
    assert!(T::deserialize(Ask(&mut fields)).is_err());
    assert_eq!(object.fields.iter().map(|field| field.name).collect::<Vec<_>>(), fields, "fields of {}", object.title);
    let whole = full(object);
    assert_eq!(walk::walk(object, &whole), []);
    assert!(T::deserialize(&whole).is_ok(), "{whole}");
    for field in object.fields {
        let mut without = whole.clone();
        without.as_object_mut().unwrap().remove(field.name);
        same_verdict::<T>(object, &without);
        assert_eq!(
            T::deserialize(&without).is_err(),
            field.presence == Presence::Required,
            "{} of {}",
            field.name,
            object.title
        );
        for stranger in strangers() {
            let mut odd = whole.clone();
            odd[field.name] = stranger;
            same_verdict::<T>(object, &odd);
        }
        if let Shape::Word(words) = field.shape {
            for word in words() {
                let mut other = whole.clone();
                other[field.name] = json!(word);
                same_verdict::<T>(object, &other);
            }
        }
    }
    for later in object.later.iter().chain(&["stranger"]) {
        let mut more = whole.clone();
        more[later] = json!({});
        assert!(!walk::walk(object, &more).is_empty());
        same_verdict::<T>(object, &more);
    }
    for stranger in strangers() {
        same_verdict::<T>(object, &stranger);
    }
}

/// What the OpenAPI document promises is what is checked.
#[cfg(feature = "openapi")]
fn promised<T: utoipa::PartialSchema>(object: &'static Object) {
    let schema = serde_json::to_value(T::schema()).unwrap();
    let required: Vec<_> = object.fields.iter().filter(|field| field.presence == Presence::Required).collect();
    let promised = schema["required"].as_array().map_or(0, Vec::len);
    assert_eq!(promised, required.len(), "required fields of {}", object.title);
    for field in object.fields {
        let property = &schema["properties"][field.name];
        assert!(property.is_object(), "{} of {}", field.name, object.title);
        assert_eq!(
            schema["required"].as_array().is_some_and(|names| names.contains(&json!(field.name))),
            field.presence == Presence::Required
        );
        if let (Shape::Whole(least, most), false) = (field.shape, field.name == "v") {
            assert_eq!(property["minimum"], json!(least), "{} of {}", field.name, object.title);
            let natural = most == u64::from(u32::MAX);
            assert_eq!(
                property.get("maximum").cloned(),
                (!natural).then(|| json!(most)),
                "{} of {}",
                field.name,
                object.title
            );
        }
    }
}

macro_rules! tables {
    ($($type:ident = $table:ident,)*) => {
        #[test]
        fn tables_and_types_agree() {
            $(agree::<$type>(&table::$table);)*
        }

        #[cfg(feature = "openapi")]
        #[test]
        fn tables_and_schemas_agree() {
            $(promised::<$type>(&table::$table);)*
        }
    };
}

tables! {
    OrganisationSpec = ORGANISATION,
    UserSpec = USER,
    TeamSpec = TEAM,
    TeamMember = TEAM_MEMBER,
    ServiceAccountSpec = SERVICE_ACCOUNT,
    TrustRule = TRUST_RULE,
    ClaimRule = CLAIM_RULE,
    ProviderSpec = PROVIDER,
    ProviderConfig = PROVIDER_CONFIG,
    ProviderKeySpec = PROVIDER_KEY,
    Secret = SECRET,
    Envelope = ENVELOPE,
    ModelSpec = MODEL,
    ModelConfig = MODEL_CONFIG,
    Pricing = PRICING,
    ClassPrices = CLASS_PRICES,
    ApiKeySpec = API_KEY,
    PriceChange = PRICE_CHANGE,
    ToolPrices = TOOL_PRICES,
    LongPromptPrices = LONG_PROMPT_PRICES,
    UnitPrice = UNIT_PRICE,
    Policies = POLICIES,
    IpPolicy = IP_POLICY,
    RateLimit = RATE_LIMIT,
    RequestLimits = REQUEST_LIMITS,
    TokenLimits = TOKEN_LIMITS,
    Concurrency = CONCURRENCY,
    PayloadLimits = PAYLOAD_LIMITS,
    Owner = OWNER,
    BudgetSpec = BUDGET,
    QuotaSpec = QUOTA,
    OverlayScope = OVERLAY_SCOPE,
    OverlaySpec = OVERLAY,
    RoutingSwitch = ROUTING_SWITCH,
    RoutingPolicy = ROUTING_POLICY,
    Hedge = HEDGE,
    RoutingCandidate = ROUTING_CANDIDATE,
}
