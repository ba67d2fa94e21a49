//! One alert: what it tells, and what programs and people get to read of it.

use sekisho_exchange::{Event, Id, Severity};
use sekisho_gateway::alert::Format;
use sekisho_units::Wall;
use serde_json::{Map, Value, json};

/// What is told to one channel at once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Alert {
    /// A UUID, the same at each attempt to tell it.
    pub(super) id: String,
    pub(super) content: Content,
    /// When it happened; of several events, the last.
    pub(super) at: Wall,
    /// The events that it stands for.
    pub(super) count: u64,
}

/// What an alert is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Content {
    Event(Event),
    /// There were more alerts than a channel is to get.
    Suppressed {
        /// The line of the last of them.
        last: String,
    },
    /// An operator wants to see whether alerts arrive.
    Test,
}

impl Alert {
    pub(super) fn new(content: Content, at: Wall, count: u64) -> Self {
        Self { id: Id::new().as_str().to_owned(), content, at, count }
    }

    /// The event's name.
    pub(super) fn name(&self) -> &'static str {
        match &self.content {
            Content::Event(event) => event.name().as_str(),
            Content::Suppressed { .. } => "alerts_suppressed",
            Content::Test => "test",
        }
    }

    fn severity(&self) -> Severity {
        match &self.content {
            Content::Event(event) => event.severity(),
            Content::Suppressed { .. } => Severity::Warning,
            Content::Test => Severity::Info,
        }
    }

    fn message(&self) -> String {
        match &self.content {
            Content::Event(event) => event.message(),
            Content::Suppressed { last } => {
                let plural = if self.count == 1 { "" } else { "s" };
                format!("{} alert{plural} suppressed; the last: {last}", self.count)
            }
            Content::Test => "this is a test; nothing has happened".to_owned(),
        }
    }

    /// The line for people.
    pub(super) fn line(&self) -> String {
        format!("{}: {}", self.name(), self.message())
    }

    /// What there is to say of it and is not the same for all, as words: names as in JSON, none empty.
    fn parts(&self) -> Vec<(&'static str, String)> {
        let mut parts =
            vec![("event", self.name().to_owned()), ("severity", self.severity().as_str().to_owned())];
        if let Content::Event(event) = &self.content {
            let about = [
                ("service", event.service()),
                ("endpoint", event.endpoint()),
                ("store", event.store()),
                ("dependency", event.dependency()),
                ("reason", event.reason()),
            ];
            parts.extend(about.into_iter().filter_map(|(name, text)| Some((name, text?.to_owned()))));
        }
        parts.push(("message", self.message()));
        parts.push(("timestamp", self.at.to_string()));
        parts.push(("id", self.id.clone()));
        parts
    }

    /// All that is known of it.
    pub(super) fn document(&self, gateway: &str) -> Map<String, Value> {
        let mut document: Map<String, Value> =
            self.parts().into_iter().map(|(name, text)| (name.to_owned(), text.into())).collect();
        document.insert("gateway".to_owned(), gateway.into());
        document.insert("count".to_owned(), self.count.into());
        document
    }

    /// The body of a request.
    pub(super) fn body(&self, format: Format, gateway: &str) -> Vec<u8> {
        let text = format!("[{gateway}] {}{}", self.line(), self.times());
        match format {
            Format::Slack => json!({ "text": for_slack(&text) }),
            Format::Json => {
                let mut document = self.document(gateway);
                document.insert("text".to_owned(), text.into());
                Value::Object(document)
            }
        }
        .to_string()
        .into_bytes()
    }

    fn times(&self) -> String {
        match &self.content {
            Content::Event(_) if self.count > 1 => format!(" ({} times)", self.count),
            _ => String::new(),
        }
    }

    /// The environment of a program.
    pub(super) fn variables(&self, gateway: &str) -> Vec<(String, String)> {
        let parts = self.parts().into_iter().map(|(name, text)| (name.to_ascii_uppercase(), text));
        let further = [("GATEWAY", gateway.to_owned()), ("COUNT", self.count.to_string())];
        let all = parts.chain(further.map(|(name, text)| (name.to_owned(), text)));
        // An environment cannot hold it, and the program would not be run.
        all.map(|(name, text)| (name, text.replace('\0', " "))).collect()
    }
}

/// The three characters that Slack reads as more than text, and so could be used to call everybody in a room.
fn for_slack(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn down() -> Alert {
        let event = Event::EndpointDown {
            service: "orders".into(),
            endpoint: "http://10.0.0.7".into(),
            reason: "<!channel> & co".into(),
        };
        Alert { id: "id-1".to_owned(), ..Alert::new(Content::Event(event), Wall::from_secs(0), 3) }
    }

    #[test]
    fn programs_read_each_part() {
        let want = json!({
            "event": "endpoint_down", "severity": "warning", "service": "orders", "endpoint": "http://10.0.0.7",
            "reason": "<!channel> & co", "id": "id-1", "count": 3, "gateway": "gw", "timestamp": "1970-01-01T00:00:00.000Z",
            "message": "http://10.0.0.7 of `orders` is not asked any more (<!channel> & co)",
            "text": "[gw] endpoint_down: http://10.0.0.7 of `orders` is not asked any more (<!channel> & co) (3 times)",
        });
        let body: Value = serde_json::from_slice(&down().body(Format::Json, "gw")).unwrap();
        assert_eq!(body, want);
        let variables = down().variables("gw");
        let of =
            |name: &str| variables.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_str());
        assert_eq!(
            [of("EVENT"), of("SERVICE"), of("COUNT")],
            [Some("endpoint_down"), Some("orders"), Some("3")]
        );
        assert_eq!([of("GATEWAY"), of("STORE")], [Some("gw"), None]);
    }

    #[test]
    fn a_room_gets_a_text_that_calls_nobody() {
        let body: Value = serde_json::from_slice(&down().body(Format::Slack, "gw")).unwrap();
        let text = "[gw] endpoint_down: http://10.0.0.7 of `orders` is not asked any more (&lt;!channel&gt; &amp; co) (3 times)";
        assert_eq!(body, json!({ "text": text }));
    }

    #[test]
    fn surplus_is_told_with_the_last_of_it() {
        let last = "store_back: redis://a answers again".to_owned();
        let alert = Alert::new(Content::Suppressed { last }, Wall::from_secs(0), 12);
        assert_eq!(
            alert.line(),
            "alerts_suppressed: 12 alerts suppressed; the last: store_back: redis://a answers again"
        );
    }
}
