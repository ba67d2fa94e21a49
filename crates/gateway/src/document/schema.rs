//! The JSON Schema of a document, for editors: draft 2020-12, with every policy's settings.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use sekisho_exchange::Mode;
use serde_json::{Map, Value, json};

use super::TopConfig;

/// The schema of a whole document.
pub fn schema() -> Value {
    let mut schema = schemars::generate::SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<TopConfig>();
    schema.insert("title".to_owned(), "Sekisho's configuration".into());
    schema.to_value()
}

/// A map of policies.
pub(super) struct PoliciesSchema;

impl JsonSchema for PoliciesSchema {
    fn schema_name() -> Cow<'static, str> {
        "Policies".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mode = generator.subschema_for::<Mode>().to_value();
        let policies = sekisho_policies::schemas(generator);
        let properties: Map<String, Value> = policies
            .into_iter()
            .map(|(name, schema)| (name.to_owned(), policy(name, &schema, &mode, generator)))
            .collect();
        json_schema!({ "type": "object", "additionalProperties": false, "properties": properties })
    }
}

/// The settings of one policy with the words that all policies have: `on`, `off`, and `mode` among the settings.
fn policy(name: &str, settings: &Schema, mode: &Value, generator: &SchemaGenerator) -> Value {
    let mut settings = resolve(settings, generator);
    let description =
        settings.get("description").cloned().unwrap_or_else(|| format!("The policy `{name}`.").into());
    if let Some(settings) = settings.as_object_mut() {
        settings.remove("title");
        let properties = settings.entry("properties").or_insert_with(|| json!({}));
        if let Some(properties) = properties.as_object_mut() {
            let said = "Whether it bites (`enforce`), only watches (`shadow`), or neither (`off`). Default `enforce`.";
            properties.insert(
                "mode".to_owned(),
                json!({ "description": said, "default": "enforce", "allOf": [mode] }),
            );
        }
    }
    json!({
        "description": description,
        "anyOf": [
            { "const": "on", "description": "With the default settings." },
            { "const": "off", "description": "Not on this route, whatever is inherited." },
            { "type": "null" },
            settings,
        ],
    })
}

/// The schema itself where it is only a reference: a reference cannot be given another property.
fn resolve(schema: &Schema, generator: &SchemaGenerator) -> Value {
    let value = schema.clone().to_value();
    let name = value.get("$ref").and_then(Value::as_str).and_then(|at| at.rsplit('/').next());
    name.and_then(|name| generator.definitions().get(name)).cloned().unwrap_or(value)
}

/// A map of services.
pub(super) struct ServicesSchema;

impl JsonSchema for ServicesSchema {
    fn schema_name() -> Cow<'static, str> {
        "Services".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let service = generator.subschema_for::<sekisho_upstream::Config>();
        json_schema!({ "type": "object", "additionalProperties": service })
    }
}

/// What services have in common: a service without its endpoints.
pub(super) struct ServiceDefaultsSchema;

impl JsonSchema for ServiceDefaultsSchema {
    fn schema_name() -> Cow<'static, str> {
        "ServiceDefaults".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let service = generator.subschema_for::<sekisho_upstream::Config>();
        let mut defaults = resolve(&service, generator);
        if let Some(defaults) = defaults.as_object_mut() {
            defaults.remove("required");
            defaults.remove("title");
            if let Some(properties) = defaults.get_mut("properties").and_then(Value::as_object_mut) {
                properties.remove("endpoints");
            }
        }
        Schema::try_from(defaults).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_every_policy_with_its_mode() {
        let schema = schema();
        let policies = &schema["$defs"]["Policies"]["properties"];
        for name in sekisho_policies::NAMES {
            let settings = &policies[*name]["anyOf"][3];
            assert!(settings["properties"]["mode"].is_object(), "{name}: {}", policies[*name]);
        }
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    }

    #[test]
    fn describes_the_words_at_the_top_and_of_a_route() {
        let schema = schema();
        for word in
            ["listen", "admin", "services", "service_defaults", "routes", "limits", "client", "via", "drain"]
        {
            assert!(schema["properties"][word].is_object(), "{word}");
        }
        assert_eq!(schema["additionalProperties"], false);
        let route = &schema["$defs"]["Route"];
        for word in ["path", "hosts", "headers", "respond", "redirect", "policies", "routes", "public"] {
            assert!(route["properties"][word].is_object(), "{word}");
        }
        assert_eq!(route["required"], json!(["path"]));
        assert!(schema["$defs"]["ServiceDefaults"]["properties"]["endpoints"].is_null());
    }
}
