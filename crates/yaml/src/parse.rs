//! [`parse`]: text to a tree of nodes, within limits.
//!
//! The grammar is `saphyr-parser`'s; what is built from its events is ours: places on everything, keys that
//! are texts and unique, aliases and merge keys expanded within a budget, one document, and no tag that
//! would change what a value is.

use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, StrInput, Tag};
use sekisho_units::{Place, Problem, Problems};

use crate::node::{Key, Kind, Node, Origin, Scalar, Style};

/// The largest document in bytes: ten thousand routes are about 4 MiB.
pub const MAX_BYTES: usize = 32 << 20;
/// The deepest nesting of maps and lists, aliases included.
pub const MAX_DEPTH: usize = 64;
/// The most values in a document after its aliases are expanded, anchored values counted twice.
pub const MAX_NODES: usize = 2_000_000;

/// Reads one YAML 1.2 document. `file_name` is what places will show. An empty text is a null node.
///
/// # Errors
/// Every duplicate key, and the first thing that is no YAML or exceeds a limit, at its place.
pub fn parse(file_name: &str, text: &str) -> Result<Node, Problems> {
    let mut problems = Problems::new();
    match parse_on(file_name, text, &mut problems) {
        Some(node) if problems.is_empty() => Ok(node),
        _ => Err(problems),
    }
}

/// Reads one YAML 1.2 document as [`parse`] does, and past keys that stand twice: they are problems, and the first of each
/// is in the tree, so that a key too many does not hide what else is wrong. `None` if it cannot be understood.
pub fn parse_on(file_name: &str, text: &str, problems: &mut Problems) -> Option<Node> {
    let file: Arc<str> = file_name.into();
    let start = Place::new(Arc::clone(&file), 1, 1);
    if text.len() > MAX_BYTES {
        let message = format!("the document has {} bytes, more than {MAX_BYTES}", text.len());
        problems.push(Problem::error(start, "", message));
        return None;
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let events = Parser::new_from_str(text);
    let mut builder = Builder { file, text, events, anchors: HashMap::new(), nodes: 0, problems };
    match builder.document(start) {
        Ok(node) => Some(node),
        Err(problem) => {
            builder.problems.push(*problem);
            None
        }
    }
}

/// What ends the reading: the document cannot be understood further.
type Stop = Box<Problem>;

struct Builder<'t, 'p> {
    file: Arc<str>,
    text: &'t str,
    events: Parser<'t, StrInput<'t>>,
    anchors: HashMap<usize, Anchor>,
    /// Values so far, aliases expanded.
    nodes: usize,
    /// Duplicate keys, which do not keep us from reading on.
    problems: &'p mut Problems,
}

/// What an anchor names, with what an alias to it costs.
struct Anchor {
    node: Node,
    nodes: usize,
    depth: usize,
}

impl<'t> Builder<'t, '_> {
    fn document(&mut self, start: Place) -> Result<Node, Stop> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(root.unwrap_or(Node { place: start, kind: Kind::Null })),
                Event::StreamStart | Event::DocumentEnd | Event::Nothing => {}
                Event::DocumentStart(_) if root.is_some() => {
                    let problem = Problem::error(self.place(span.start), "", "a second document begins here");
                    return Err(Box::new(problem.remedy("keep one document in a file and remove `---`")));
                }
                Event::DocumentStart(_) => {
                    let (event, span) = self.next()?;
                    root = Some(self.node(event, span, 1)?);
                }
                _ => return Err(self.stop(span.start, "expected a document")),
            }
        }
    }

    fn node(&mut self, event: Event<'t>, span: Span, depth: usize) -> Result<Node, Stop> {
        self.count(1, span.start)?;
        let place = self.place(span.start);
        let (node, anchor) = match event {
            Event::Alias(id) => return self.alias(id, span, depth),
            Event::Scalar(text, style, anchor, tag) => {
                let quoted = self.check_tag(tag.as_deref(), span)? || style != ScalarStyle::Plain;
                (Node { place, kind: scalar(&text, quoted) }, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                self.check_collection(tag.as_deref(), span, depth)?;
                (Node { place, kind: Kind::List(self.items(depth)?) }, anchor)
            }
            Event::MappingStart(anchor, tag) => {
                self.check_collection(tag.as_deref(), span, depth)?;
                (Node { place, kind: Kind::Map(self.entries(depth)?) }, anchor)
            }
            _ => return Err(self.stop(span.start, "expected a value")),
        };
        if anchor > 0 {
            let (nodes, depth) = measure(&node);
            // The copy that aliases take theirs from is memory too: without this, anchors nested around a
            // long list would keep one copy a level.
            self.count(nodes, span.start)?;
            self.anchors.insert(anchor, Anchor { node: node.clone(), nodes, depth });
        }
        Ok(node)
    }

    fn items(&mut self, depth: usize) -> Result<Vec<Node>, Stop> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok(items);
            }
            items.push(self.node(event, span, depth + 1)?);
        }
    }

    fn entries(&mut self, depth: usize) -> Result<Vec<(Key, Node)>, Stop> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        let mut seen: HashMap<Arc<str>, Place> = HashMap::new();
        let mut merged = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                break;
            }
            let merges = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, ..) if text == "<<");
            let key = self.key(event, span, depth)?;
            let (event, span) = self.next()?;
            let absent = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, ..) if text.is_empty());
            let mut value = self.node(event, span, depth + 1)?;
            if absent {
                value.place = key.place.clone();
            }
            if merges {
                merged.extend(self.sources(value)?);
            } else if let Some(first) = seen.get(&key.text) {
                let message = format!("key `{}` stands twice; the first is at {first}", key.text);
                self.problems.push(Problem::error(key.place, "", message).remedy("remove one of them"));
            } else {
                seen.insert(Arc::clone(&key.text), key.place.clone());
                entries.push((key, value));
            }
        }
        for (key, value) in merged {
            if !seen.contains_key(&key.text) {
                seen.insert(Arc::clone(&key.text), key.place.clone());
                entries.push((key, value));
            }
        }
        Ok(entries)
    }

    fn key(&mut self, event: Event<'t>, span: Span, depth: usize) -> Result<Key, Stop> {
        let place = self.place(span.start);
        let node = self.node(event, span, depth + 1)?;
        match node.kind {
            Kind::Scalar(scalar) => Ok(Key { place, text: scalar.text }),
            Kind::Null => {
                Err(Box::new(Problem::error(place, "", "a key is missing here").remedy("write `key: value`")))
            }
            Kind::Map(_) | Kind::List(_) => {
                let problem =
                    Problem::error(place, "", format!("a key must be a text, not {}", node.describe()));
                Err(Box::new(problem.remedy("write `key: value`, and text with `{` or `[` in quotes")))
            }
        }
    }

    /// The entries that a merge key brings, the nearest first.
    fn sources(&self, value: Node) -> Result<Vec<(Key, Node)>, Stop> {
        let wrong = |node: &Node| {
            let message = format!("`<<` merges a map or a list of maps, not {}", node.describe());
            Box::new(Problem::error(node.place.clone(), "", message).remedy("write `<<: *anchor`"))
        };
        match value.kind {
            Kind::Map(entries) => Ok(entries),
            Kind::List(items) => {
                let mut all = Vec::new();
                for item in items {
                    let Kind::Map(entries) = item.kind else {
                        return Err(wrong(&item));
                    };
                    all.extend(entries);
                }
                Ok(all)
            }
            Kind::Null | Kind::Scalar(_) => Err(wrong(&value)),
        }
    }

    fn alias(&mut self, id: usize, span: Span, depth: usize) -> Result<Node, Stop> {
        let Some(anchor) = self.anchors.get(&id) else {
            return Err(self.stop(span.start, "an alias stands inside the value that it names"));
        };
        // The alias itself was counted as one.
        let nodes = anchor.nodes - 1;
        let deepest = depth + anchor.depth - 1;
        if deepest > MAX_DEPTH {
            return Err(self.too_deep(span.start));
        }
        self.count(nodes, span.start)?;
        let node = self.anchors.get(&id).map(|anchor| anchor.node.clone());
        Ok(node.expect("the anchor was there a moment ago"))
    }

    fn count(&mut self, more: usize, at: Marker) -> Result<(), Stop> {
        self.nodes = self.nodes.saturating_add(more);
        if self.nodes > MAX_NODES {
            let message = format!("the document has more than {MAX_NODES} values, its aliases expanded");
            return Err(self.stop(at, &message));
        }
        Ok(())
    }

    fn check_collection(&self, tag: Option<&Tag>, span: Span, depth: usize) -> Result<(), Stop> {
        if depth > MAX_DEPTH {
            return Err(self.too_deep(span.start));
        }
        self.check_tag(tag, span).map(|_| ())
    }

    /// Whether the tag says "a text"; any other tag is refused, for none would be heeded.
    fn check_tag(&self, tag: Option<&Tag>, span: Span) -> Result<bool, Stop> {
        match tag {
            None => Ok(false),
            Some(tag) if tag.is_yaml_core_schema() && tag.suffix == "str" => Ok(true),
            Some(tag) => {
                let problem =
                    Problem::error(self.place(span.start), "", format!("the tag `{tag}` is not supported"));
                Err(Box::new(problem.remedy("remove it, or put the text in quotes if it begins with `!`")))
            }
        }
    }

    fn too_deep(&self, at: Marker) -> Stop {
        self.stop(at, &format!("maps and lists are nested more than {MAX_DEPTH} deep"))
    }

    fn next(&mut self) -> Result<(Event<'t>, Span), Stop> {
        match self.events.next_event() {
            Some(Ok(event)) => Ok(event),
            // The scanner looks ahead in `[[[[…` and has a limit of its own, above ours.
            Some(Err(error)) if error.info().contains("recursion limit") => {
                Err(self.too_deep(*error.marker()))
            }
            Some(Err(error)) => {
                let mut problem = self.stop(*error.marker(), &format!("not YAML: {}", error.info()));
                problem.remedy = self.hint(error.marker().line(), error.info()).map(str::to_owned);
                Err(problem)
            }
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    /// What probably went wrong in a line that is no YAML, and what was said of it.
    fn hint(&self, line: usize, said: &str) -> Option<&'static str> {
        if said.contains("unknown anchor") {
            return Some("define it above with `&`, or put quotes around a text that begins with `*`");
        }
        let line = self.text.lines().nth(line.checked_sub(1)?)?;
        let indent = &line[..line.len() - line.trim_start().len()];
        if indent.contains('\t') {
            Some("indent with spaces, not tabs")
        } else if line.contains("${") {
            Some("inside `{ }` and `[ ]` put quotes around text with `${NAME}`")
        } else {
            None
        }
    }

    fn stop(&self, at: Marker, message: &str) -> Stop {
        Box::new(Problem::error(self.place(at), "", message))
    }

    /// The parser counts lines from 1 and columns from 0; we count both from 1.
    fn place(&self, at: Marker) -> Place {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Place::new(Arc::clone(&self.file), number(at.line().max(1)), number(at.col() + 1))
    }
}

fn scalar(text: &str, quoted: bool) -> Kind {
    if !quoted && matches!(text, "" | "~" | "null" | "Null" | "NULL") {
        return Kind::Null;
    }
    let style = if quoted { Style::Quoted } else { Style::Plain };
    Kind::Scalar(Scalar { text: text.into(), style, origin: Origin::Written })
}

/// How many values a tree has and how deep it is, itself included. Its depth is bounded already.
fn measure(node: &Node) -> (usize, usize) {
    let beneath = |(nodes, depth): (usize, usize), child: &Node| {
        let (n, d) = measure(child);
        (nodes + n, depth.max(d))
    };
    let (nodes, depth) = match &node.kind {
        Kind::Null | Kind::Scalar(_) => (0, 0),
        Kind::List(items) => items.iter().fold((0, 0), beneath),
        // A key counts as a value.
        Kind::Map(entries) => entries.iter().map(|(_, value)| value).fold((entries.len(), 0), beneath),
    };
    (nodes + 1, depth + 1)
}
