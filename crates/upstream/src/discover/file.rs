//! Endpoints in a file of their own, which is looked at once a second.
//!
//! As with the configuration a change counts only once the file has stayed the same from one look to the next, so that one
//! that is being written is not read by half.

use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sekisho_units::{At, Problem, Problems};

use super::source::{Answer, Next, Source};
use super::{LONGEST, MOST};
use crate::fleet::EndpointConfig;
use crate::prepare::Files;

/// How often it is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Which file.
#[derive(Hash)]
pub(super) struct Settings {
    pub(super) path: PathBuf,
}

/// The file that is named at `path`. That it is not there, or cannot be understood, is no error: it may come yet.
pub(super) fn plan(named: &At<String>, path: &str, files: Files<'_>, problems: &mut Problems) -> Settings {
    let settings = Settings { path: files.folder.join(&named.value) };
    if let Err(why) = read(&settings.path) {
        let problem = Problem::warning(named.place.clone(), format!("{path}.file"), why);
        problems.push(
            problem.remedy("write the list of endpoints; until then there are none but those in `endpoints`"),
        );
    }
    settings
}

/// The file while it is watched.
pub(super) struct File {
    path: PathBuf,
    /// As it was when it was last read; nothing before that.
    read: Option<Mark>,
}

/// What tells one state of a file from another; `None` if it cannot be looked at.
type Mark = Option<[i64; 6]>;

impl File {
    pub(super) fn new(settings: Settings) -> Self {
        Self { path: settings.path, read: None }
    }

    async fn look(&mut self) -> Result<Answer, String> {
        let mut before = None;
        loop {
            if before.is_some() || self.read.is_some() {
                tokio::time::sleep(LOOK).await;
            }
            let path = self.path.clone();
            let is_new = self.read.is_none();
            let (known, last) = (self.read, before);
            // Apart from the runtime: a file system that hangs must hold up nobody.
            let looked = tokio::task::spawn_blocking(move || {
                let mark = mark_of(&path);
                let stays = is_new || (Some(mark) != known && last == Some(mark));
                (mark, stays.then(|| read(&path)))
            });
            let (mark, got) = looked.await.map_err(|_| "it could not be read".to_owned())?;
            before = Some(mark);
            if let Some(got) = got {
                self.read = Some(mark);
                return got.map(|found| Answer { found, odd: Vec::new() });
            }
        }
    }
}

impl Source for File {
    fn next(&mut self) -> Next<'_> {
        Box::pin(self.look())
    }

    /// It is looked at as often as ever: it is there that it is mended.
    fn pause(&self, _: u32) -> Duration {
        Duration::ZERO
    }
}

fn mark_of(path: &Path) -> Mark {
    let data = std::fs::metadata(path).ok()?;
    let (file, size) = ((data.dev() ^ data.ino().rotate_left(32)) as i64, data.size() as i64);
    Some([file, size, data.mtime(), data.mtime_nsec(), data.ctime(), data.ctime_nsec()])
}

fn read(path: &Path) -> Result<Vec<EndpointConfig>, String> {
    let text = whole(path).map_err(|error| format!("the file cannot be read: {error}"))?;
    let name = path.file_name().map_or_else(|| path.to_string_lossy(), |name| name.to_string_lossy());
    parse(&name, &text)
}

fn whole(path: &Path) -> io::Result<String> {
    let file = std::fs::File::open(path)?;
    let mut text = String::new();
    let longest = LONGEST as u64;
    if file.take(longest + 1).read_to_string(&mut text)? as u64 > longest {
        return Err(io::Error::other(format!("it is longer than {longest} bytes")));
    }
    Ok(text)
}

/// The endpoints in a text, as `endpoints` lists them.
fn parse(name: &str, text: &str) -> Result<Vec<EndpointConfig>, String> {
    let said = |problems: Problems| {
        problems.iter().next().map_or_else(|| "it is no list of endpoints".to_owned(), ToString::to_string)
    };
    let node = sekisho_yaml::parse(name, text).map_err(said)?;
    if node.is_null() {
        return Err("the file is empty; write `[]` for no endpoint".to_owned());
    }
    let mut problems = Problems::new();
    let read = sekisho_yaml::read::<Vec<EndpointConfig>>(&node, "endpoints", &mut problems);
    let found = read.ok_or_else(|| said(problems))?;
    if found.len() > MOST {
        return Err(format!("there are more than {MOST} endpoints"));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_a_list_as_in_endpoints() {
        let yaml = "- http://10.0.0.1:80\n- { url: https://b:8443, weight: 3, priority: 1, zone: a }\n";
        let json =
            r#"["http://10.0.0.1:80", {"url": "https://b:8443", "weight": 3, "priority": 1, "zone": "a"}]"#;
        let found = parse("e.yaml", yaml).unwrap();
        assert_eq!(found, parse("e.json", json).unwrap());
        assert_eq!((found.len(), found[1].weight, found[1].zone.as_deref()), (2, 3, Some("a")));
        assert_eq!(parse("e", "[]"), Ok(Vec::new()));
    }

    #[test]
    fn what_is_wrong_is_told_at_its_place() {
        for (text, want) in [
            ("", "the file is empty"),
            ("- http://a\n- htp://b\n", "e:2:3: error: endpoints[1]: `htp://b` has a scheme"),
            ("- http://a\n- { url: http://b, wieght: 2 }\n", "e:2:20: error: endpoints[1].wieght"),
            ("[http://a, http://b", "e:"),
            ("endpoints: [http://a]", "e:1:1"),
        ] {
            let said = parse("e", text).unwrap_err();
            assert!(said.starts_with(want), "{text:?}: {said}");
        }
    }
}
