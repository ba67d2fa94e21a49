//! The command line: what can be asked, and what each option means.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use sekisho_units::Span;

/// An API gateway: one binary, one YAML file.
#[derive(Parser, Debug)]
#[command(name = "sekisho", version, about, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Run the gateway until TERM (ends what is in flight first) or INT (stops at once).
    Run {
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Check a configuration and print every problem in it.
    Check {
        #[command(flatten)]
        config: ConfigFile,
        /// Warnings, too, make the answer no.
        #[arg(long)]
        strict: bool,
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Print what each route does with a request, or what happens to one request.
    Plan(PlanArgs),
    /// Print the JSON Schema of the configuration, for editors.
    Schema,
    /// Print a JSON Web Token for development.
    Token(TokenArgs),
    /// Make a key for the policy `api_key`, and print it and the line for the configuration; or a hash for `basic_auth`.
    Key(KeyArgs),
    /// Run the gateway in front of a small shop of its own, and say what to try.
    Demo(DemoArgs),
    /// Print the version.
    Version {
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Print the completions for a shell.
    Completions {
        /// The shell to complete in.
        shell: Shell,
    },
}

/// Which configuration is meant.
#[derive(Args, Debug)]
pub(crate) struct ConfigFile {
    /// The configuration [default: ./sekisho.yaml, then /etc/sekisho/sekisho.yaml].
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// For whom output is meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

#[derive(Args, Debug)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) config: ConfigFile,
    /// The method of a request.
    #[arg(requires = "path")]
    pub(crate) method: Option<String>,
    /// The request's path, with its query if it has one.
    pub(crate) path: Option<String>,
    /// A header of the request; `Host` chooses among routes with `hosts`.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = header, requires = "path")]
    pub(crate) headers: Vec<(String, String)>,
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Args, Debug)]
pub(crate) struct TokenArgs {
    /// The secret that the gateway verifies with; without it, the variable `JWT_SECRET` is read.
    #[arg(long)]
    pub(crate) secret: Option<String>,
    /// Who the token is about.
    #[arg(long, default_value = "u-1")]
    pub(crate) subject: String,
    /// The claim that names the subject.
    #[arg(long, value_name = "NAME", default_value = "sub")]
    pub(crate) subject_claim: String,
    /// What the subject may do, as in `order:read,order:write`.
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub(crate) permissions: Vec<String>,
    /// The subject's roles.
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub(crate) roles: Vec<String>,
    /// A further claim; a value that is no JSON is taken as text.
    #[arg(long = "claim", value_name = "NAME=JSON", value_parser = claim)]
    pub(crate) claims: Vec<(String, serde_json::Value)>,
    /// How long the token holds.
    #[arg(long, default_value = "1h")]
    pub(crate) ttl: Span,
    /// What it is signed with.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) algorithm: Algorithm,
}

#[derive(Args, Debug)]
pub(crate) struct KeyArgs {
    /// What the key begins with, by which people and scanners recognise it.
    #[arg(long, value_name = "TEXT", default_value = "sk_", value_parser = prefix)]
    pub(crate) prefix: String,
    /// Who holds the key.
    #[arg(long, default_value = "key-1")]
    pub(crate) id: String,
    /// What the holder may do, as in `order:read,order:write`.
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub(crate) permissions: Vec<String>,
    /// The holder's roles.
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub(crate) roles: Vec<String>,
    /// Make no key, but read a password from standard input, to the end of its line, and print an argon2id hash of it.
    #[arg(long, conflicts_with_all = ["prefix", "id", "permissions", "roles"])]
    pub(crate) password: bool,
}

/// Keyed hashes that sign tokens (RFC 7518 §3.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub(crate) enum Algorithm {
    /// HMAC with SHA-256.
    #[default]
    #[value(name = "HS256")]
    Hs256,
    /// HMAC with SHA-384.
    #[value(name = "HS384")]
    Hs384,
    /// HMAC with SHA-512.
    #[value(name = "HS512")]
    Hs512,
}

#[derive(Args, Debug)]
pub(crate) struct DemoArgs {
    /// Where clients connect [default: 127.0.0.1:8080, or the next port that is free].
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<SocketAddr>,
    /// Where operators connect [default: 127.0.0.1:9901, or the next port that is free].
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) admin: Option<SocketAddr>,
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("write it as `Name: value`")?;
    let (name, value) = (name.trim(), value.trim());
    if !sekisho_wire::is_field_name(name.as_bytes()) {
        return Err(format!("`{name}` is no name of a header"));
    }
    if !sekisho_wire::is_field_value(value.as_bytes()) {
        return Err("the value holds a line break or another control character".to_owned());
    }
    Ok((name.to_owned(), value.to_owned()))
}

fn prefix(text: &str) -> Result<String, String> {
    let plain = text.len() <= 32 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if plain { Ok(text.to_owned()) } else { Err("write up to 32 letters, digits, `_` and `-`".to_owned()) }
}

fn claim(text: &str) -> Result<(String, serde_json::Value), String> {
    let (name, value) = text.split_once('=').ok_or("write it as `name=value`")?;
    if name.is_empty() {
        return Err("the claim has no name; write it as `name=value`".to_owned());
    }
    let value = serde_json::from_str(value).unwrap_or_else(|_| serde_json::Value::from(value));
    Ok((name.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use clap::error::ErrorKind;
    use clap::{CommandFactory as _, Parser as _};
    use serde_json::json;

    use super::*;

    fn parse(line: &str) -> Result<Command, ErrorKind> {
        let words = line.split('|').map(str::trim);
        Cli::try_parse_from(["sekisho"].into_iter().chain(words))
            .map(|cli| cli.command)
            .map_err(|error| error.kind())
    }

    #[test]
    fn clap_finds_no_contradiction() {
        Cli::command().debug_assert();
    }

    #[test]
    fn refuses_wrong_use() {
        for (line, want) in [
            ("fly", ErrorKind::InvalidSubcommand),
            ("plan | GET", ErrorKind::MissingRequiredArgument),
            ("plan | -H | Host: a", ErrorKind::MissingRequiredArgument),
            ("plan | GET | /a | -H | no colon", ErrorKind::ValueValidation),
            ("plan | GET | /a | -H | a b: c", ErrorKind::ValueValidation),
            ("check | --format | xml", ErrorKind::InvalidValue),
            ("token | --ttl | soon", ErrorKind::ValueValidation),
            ("token | --claim | =1", ErrorKind::ValueValidation),
            ("token | --algorithm | none", ErrorKind::InvalidValue),
            ("key | --prefix | a b", ErrorKind::ValueValidation),
            ("key | --password | --id | a", ErrorKind::ArgumentConflict),
            ("demo | --listen | nowhere", ErrorKind::ValueValidation),
            ("run | --format | json", ErrorKind::UnknownArgument),
        ] {
            assert_eq!(parse(line).err(), Some(want), "{line}");
        }
    }

    #[test]
    fn reads_a_request_to_plan() {
        let Ok(Command::Plan(plan)) =
            parse("plan | -c | a.yaml | GET | /a?b=c | -H | Host: shop.example | -H | x:1")
        else {
            panic!("not read as plan")
        };
        assert_eq!(plan.config.config, Some(PathBuf::from("a.yaml")));
        assert_eq!((plan.method.as_deref(), plan.path.as_deref()), (Some("GET"), Some("/a?b=c")));
        let headers: Vec<_> =
            plan.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(headers, [("Host", "shop.example"), ("x", "1")]);
        assert_eq!(plan.format, Format::Text);
    }

    #[test]
    fn a_claim_is_json_or_else_text() {
        for (text, want) in [
            ("a=1", json!(1)),
            ("a=[1,2]", json!([1, 2])),
            ("a=\"1\"", json!("1")),
            ("a=premium", json!("premium")),
            ("a=", json!("")),
            ("a=b=c", json!("b=c")),
        ] {
            assert_eq!(claim(text), Ok(("a".to_owned(), want)), "{text}");
        }
    }

    #[test]
    fn lists_are_split_at_commas() {
        let Ok(Command::Token(token)) = parse("token | --permissions | a:read,b:write | --roles | admin")
        else {
            panic!("not read as token")
        };
        assert_eq!(
            (token.permissions, token.roles),
            (vec!["a:read".to_owned(), "b:write".to_owned()], vec!["admin".to_owned()])
        );
        assert_eq!(
            (token.subject.as_str(), token.subject_claim.as_str(), token.ttl),
            ("u-1", "sub", Span::from_secs(3_600))
        );
    }
}
