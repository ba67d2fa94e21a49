//! Hashes of passwords: argon2id (RFC 9106) in its PHC text, and bcrypt as `htpasswd -B` writes it.

use argon2::{Algorithm, Argon2, Params, PasswordHash, PasswordHasher as _, Version};
use subtle::ConstantTimeEq as _;

/// The most memory that one check may take, in KiB.
const MOST_MEMORY: u32 = 256 * 1024;
/// The most rounds of argon2 that one check may take.
const MOST_ROUNDS: u32 = 32;
/// The most lanes, which are computed one after another here.
const MOST_LANES: u32 = 16;
/// The highest cost of bcrypt: a second or two.
const HIGHEST_COST: u32 = 15;

/// A hash that a password can be held against.
pub(super) struct Hash {
    text: Box<str>,
    kind: Kind,
}

enum Kind {
    Argon2 { argon2: Box<Argon2<'static>>, salt: Box<[u8]>, output: Box<[u8]> },
    Bcrypt,
}

/// Why a text is no hash that can be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum BadHash {
    #[error("this is no argon2id or bcrypt hash; make one with `sekisho key --password` or `htpasswd -B`")]
    Unknown,
    #[error("this argon2id hash is broken; make another with `sekisho key --password`")]
    BrokenArgon2,
    #[error("this bcrypt hash is broken; make another with `sekisho key --password` or `htpasswd -B`")]
    BrokenBcrypt,
    #[error(
        "a check would cost too much; use at most {MOST_MEMORY} KiB, {MOST_ROUNDS} rounds and {MOST_LANES} lanes of argon2id, \
         or a cost of {HIGHEST_COST} of bcrypt"
    )]
    TooDear,
}

impl Hash {
    pub(super) fn parse(text: &str) -> Result<Self, BadHash> {
        let kind = if text.starts_with("$argon2id$") {
            parse_argon2(text)?
        } else if ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| text.starts_with(prefix)) {
            let parts: bcrypt::HashParts = text.parse().map_err(|_| BadHash::BrokenBcrypt)?;
            match parts.get_cost() {
                4..=HIGHEST_COST => Kind::Bcrypt,
                0..4 => return Err(BadHash::BrokenBcrypt),
                _ => return Err(BadHash::TooDear),
            }
        } else {
            return Err(BadHash::Unknown);
        };
        Ok(Self { text: text.into(), kind })
    }

    /// Its text, which is a secret of a lower rank.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether `password` has this hash. Takes milliseconds; what fails on the way is no match.
    ///
    /// Of bcrypt only the first 72 bytes of a password count, as everywhere.
    pub(super) fn matches(&self, password: &str) -> bool {
        match &self.kind {
            Kind::Argon2 { argon2, salt, output } => {
                let mut computed = vec![0; output.len()];
                let done = argon2.hash_password_into(password.as_bytes(), salt, &mut computed);
                done.is_ok() && output.ct_eq(&computed).into()
            }
            Kind::Bcrypt => bcrypt::verify(password, &self.text).unwrap_or(false),
        }
    }
}

fn parse_argon2(text: &str) -> Result<Kind, BadHash> {
    let broken = BadHash::BrokenArgon2;
    let hash = PasswordHash::new(text).map_err(|_| broken.clone())?;
    let (Some(version), Some(salt), Some(output)) = (hash.version, &hash.salt, &hash.hash) else {
        return Err(broken);
    };
    let version = Version::try_from(version).map_err(|_| broken.clone())?;
    let params = Params::try_from(&hash).map_err(|_| broken)?;
    if params.m_cost() > MOST_MEMORY || params.t_cost() > MOST_ROUNDS || params.p_cost() > MOST_LANES {
        return Err(BadHash::TooDear);
    }
    let argon2 = Box::new(Argon2::new(Algorithm::Argon2id, version, params));
    let bytes = |text: &[u8]| Box::<[u8]>::from(text);
    Ok(Kind::Argon2 { argon2, salt: bytes(salt), output: bytes(output.as_bytes()) })
}

/// A new argon2id hash of `password`, at the cost that OWASP recommends (19 MiB, two rounds), as a PHC text. `None` if the
/// system gives no random salt.
pub fn hash(password: &str) -> Option<String> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).ok()?;
    let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt).ok()?;
    Some(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by the C library's `crypt`.
    const BCRYPT: &[(&str, &str)] = &[
        ("correct horse", "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"),
        ("p\u{e4}ssw\u{f6}rd", "$2y$04$012345678901234567890ucTfvswRYJOerm/Ct18MJ792CFmZGMcu"),
        ("", "$2b$05$......................J2ihDv8vVf7QZ9BsaRrKyqs2tkn55Yq"),
    ];

    #[test]
    fn bcrypt_agrees_with_the_c_library() {
        for (password, text) in BCRYPT {
            let hash = Hash::parse(text).unwrap();
            assert!(hash.matches(password), "{text}");
            assert!(!hash.matches("correct horsE") && !hash.matches(&format!("{password}x")), "{text}");
        }
    }

    #[test]
    fn argon2id_reads_back_what_it_makes() {
        let text = hash("correct horse").unwrap();
        assert!(text.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{text}");
        assert_ne!(text, hash("correct horse").unwrap(), "each has a salt of its own");
        let hash = Hash::parse(&text).unwrap();
        assert!(hash.matches("correct horse") && !hash.matches("correct hors") && !hash.matches(""));
    }

    #[test]
    fn refuses_what_is_weak_broken_or_too_dear() {
        let bcrypt = BCRYPT[0].1;
        let good = "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQxMjM0NTY$MTIzNDU2Nzg5MDEyMzQ1Ng";
        assert!(Hash::parse(good).is_ok());
        for (text, want) in [
            ("", BadHash::Unknown),
            ("password", BadHash::Unknown),
            ("{SHA}2jmj7l5rSw0yVb/vlWAYkK/YBwk=", BadHash::Unknown),
            ("$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/", BadHash::Unknown),
            ("$2x$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e", BadHash::Unknown),
            (&good.replace("argon2id", "argon2i"), BadHash::Unknown),
            (&good.replace("m=64", "m=1000000"), BadHash::TooDear),
            (&good.replace("t=1", "t=33"), BadHash::TooDear),
            (&good.replace("v=19", "v=18"), BadHash::BrokenArgon2),
            (&good.replace("v=19$", ""), BadHash::BrokenArgon2),
            ("$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQxMjM0NTY", BadHash::BrokenArgon2),
            ("$argon2id$", BadHash::BrokenArgon2),
            (&bcrypt.replace("$04$", "$16$"), BadHash::TooDear),
            (&bcrypt.replace("$04$", "$03$"), BadHash::BrokenBcrypt),
            (&bcrypt[..59], BadHash::BrokenBcrypt),
            (&bcrypt.replace("6e", "\u{e4}"), BadHash::BrokenBcrypt),
        ] {
            assert_eq!(Hash::parse(text).err(), Some(want), "{text}");
        }
    }
}
