//! Who can decrypt: public keys of age.

use bech32::Bech32;
use bech32::primitives::decode::CheckedHrpstring;
use x25519_dalek::{PublicKey, StaticSecret};

const MAX_RECIPIENTS: usize = 64;

/// Why a list of recipients was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecipientsError {
    /// There is none, so that nobody could decrypt.
    #[error("no age recipient is given; name at least one, which begins with age1")]
    Empty,
    /// There are more than anyone needs.
    #[error("{count} age recipients are more than {MAX_RECIPIENTS}")]
    TooMany {
        /// How many there are.
        count: usize,
    },
    /// It is a private key, whose text is not repeated here.
    #[error(
        "recipient {position} is a private key of age: replace that key, and name the public one, \
         which begins with age1"
    )]
    PrivateKey {
        /// Its place in the list, from 1.
        position: usize,
    },
    /// It is a key that Flux does not decrypt with.
    #[error(
        "recipient {position} is {what}; Flux decrypts with X25519 keys of age, which begin with \
         age1 and have 62 characters"
    )]
    Unsupported {
        /// Its place in the list, from 1.
        position: usize,
        /// What kind of key it is.
        what: &'static str,
    },
    /// It is not a key, or mistyped.
    #[error("recipient {position} is not a public key of age: {problem}")]
    Invalid {
        /// Its place in the list, from 1.
        position: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl RecipientsError {
    /// Returns the kind of the error in `PascalCase`, for conditions and metrics.
    pub fn reason(&self) -> &'static str {
        "InvalidRecipients"
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Recipient {
    text: String,
    key: [u8; 32],
}

impl Recipient {
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn key(&self) -> PublicKey {
        PublicKey::from(self.key)
    }
}

/// The age recipients who can decrypt: sorted, without repetitions, never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipients(Vec<Recipient>);

impl Recipients {
    /// Reads public keys (`age1…`); spaces around them are dropped.
    pub fn parse<T: AsRef<str>>(texts: &[T]) -> Result<Self, RecipientsError> {
        if texts.len() > MAX_RECIPIENTS {
            return Err(RecipientsError::TooMany { count: texts.len() });
        }
        let mut recipients = texts
            .iter()
            .enumerate()
            .map(|(index, text)| parse_one(index + 1, text.as_ref().trim()))
            .collect::<Result<Vec<_>, _>>()?;
        recipients.sort();
        recipients.dedup();
        if recipients.is_empty() { Err(RecipientsError::Empty) } else { Ok(Self(recipients)) }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Recipient> {
        self.0.iter()
    }
}

fn parse_one(position: usize, text: &str) -> Result<Recipient, RecipientsError> {
    let invalid = |problem| RecipientsError::Invalid { position, problem };
    let lower = text.to_ascii_lowercase();
    if lower.starts_with("age-secret-key-") {
        return Err(RecipientsError::PrivateKey { position });
    }
    for (prefix, what) in [
        ("ssh-", "a key of SSH"),
        ("age1pq1", "a post-quantum key"),
        ("age1tag", "a key of a hardware token"),
        ("age1yubikey1", "a key of a hardware token"),
    ] {
        if lower.starts_with(prefix) {
            return Err(RecipientsError::Unsupported { position, what });
        }
    }
    if !text.starts_with("age1") {
        return Err(invalid("it does not begin with age1"));
    }
    if text.len() != 62 {
        return Err(invalid("it does not have 62 characters"));
    }
    let parsed = CheckedHrpstring::new::<Bech32>(text)
        .map_err(|_| invalid("its check sum is wrong, so it was mistyped or cut"))?;
    let key = parsed
        .byte_iter()
        .collect::<Vec<_>>()
        .try_into()
        .map_err(|_| invalid("it does not hold 32 bytes"))?;
    // A point of small order makes the same secret with everyone, so that anyone could decrypt.
    let probe = StaticSecret::from([0x55; 32]);
    if !probe.diffie_hellman(&PublicKey::from(key)).was_contributory() {
        return Err(invalid("it is a weak key"));
    }
    Ok(Recipient { text: text.to_owned(), key })
}
