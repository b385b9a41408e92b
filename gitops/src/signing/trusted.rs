//! Whose signatures are believed, and what they say about a commit.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use ssh_key::PublicKey;

use super::certificate::{self, Certificate};
use super::{MAX_KEY, Signer, commit, ssh};

/// Says in what format a signature is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureFormat {
    /// A signature of OpenSSH.
    Ssh,
    /// A signature of OpenPGP.
    OpenPgp,
}

/// Names who signed a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedBy {
    /// The name that the trusted keys give the signer.
    pub name: String,
    /// The key's fingerprint.
    pub key: String,
    /// The signature's format.
    pub format: SignatureFormat,
}

/// Says why a commit does not count as signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// There is no signature.
    #[error("the commit is not signed")]
    Unsigned,
    /// The commit or its signature cannot be read.
    #[error("the commit's signature cannot be read: {0}")]
    Malformed(String),
    /// It is signed with a key that is not trusted, or says so.
    #[error("the commit is signed with the key {key}, which is not trusted")]
    Untrusted {
        /// The key's fingerprint.
        key: String,
    },
    /// The signature is not one of this commit by this key.
    #[error("the commit is not what was signed with the key {key}")]
    Invalid {
        /// The key's fingerprint.
        key: String,
    },
    /// The key is known but could not sign this.
    #[error("the commit is signed with the key {key}, which does not count: {why}")]
    Unusable {
        /// The key's fingerprint.
        key: String,
        /// Why.
        why: String,
    },
}

impl SignatureError {
    /// Returns the class as a word.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unsigned => "Unsigned",
            Self::Malformed(_) => "SignatureMalformed",
            Self::Untrusted { .. } => "KeyUntrusted",
            Self::Invalid { .. } => "SignatureInvalid",
            Self::Unusable { .. } => "KeyUnusable",
        }
    }
}

/// Says why a file of trusted keys cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustedKeysError {
    /// A line of an allowed signers file is not understood.
    #[error("allowed signers, line {line}: {text}")]
    Line {
        /// The line's number, from one.
        line: usize,
        /// What is wrong, and what to do.
        text: String,
    },
    /// An OpenPGP key is not understood.
    #[error("OpenPGP key: {0}: give an armoured public key that may sign")]
    OpenPgp(String),
    /// The text is too large.
    #[error("trusted keys are larger than {MAX_KEY} bytes: keep only those that are needed")]
    TooLarge,
}

/// One line of an allowed signers file.
#[derive(Clone, Debug)]
struct AllowedSigner {
    principals: String,
    key: PublicKey,
    /// In seconds; the end is not part of it.
    after: Option<i64>,
    before: Option<i64>,
}

/// Holds the keys whose signatures are believed.
#[derive(Clone, Debug, Default)]
pub struct TrustedKeys {
    ssh: Vec<AllowedSigner>,
    openpgp: Vec<Certificate>,
}

impl TrustedKeys {
    /// Says whether nothing is trusted.
    pub fn is_empty(&self) -> bool {
        self.ssh.is_empty() && self.openpgp.is_empty()
    }

    /// Adds the keys of an allowed signers file, as `ssh-keygen -Y verify` reads it.
    ///
    /// Keys for other namespaces than git's are passed over; certificate authorities are refused.
    /// Dates without `Z` at their end are read as UTC.
    pub fn add_allowed_signers(&mut self, text: &str) -> Result<(), TrustedKeysError> {
        if text.len() > MAX_KEY {
            return Err(TrustedKeysError::TooLarge);
        }
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let parsed = allowed_signer(line)
                .map_err(|text| TrustedKeysError::Line { line: number + 1, text })?;
            self.ssh.extend(parsed);
        }
        Ok(())
    }

    /// Adds the public half of a key that signs, under the name `gimlet`.
    pub fn add_signer(&mut self, signer: &Signer) -> Result<(), TrustedKeysError> {
        let public = signer.public_key();
        if public.starts_with("-----BEGIN PGP ") {
            return self.add_openpgp(public);
        }
        self.add_allowed_signers(&format!("gimlet {public}"))
    }

    /// Adds armoured OpenPGP public keys.
    pub fn add_openpgp(&mut self, text: &str) -> Result<(), TrustedKeysError> {
        if text.len() > MAX_KEY {
            return Err(TrustedKeysError::TooLarge);
        }
        let keys = Certificate::parse(text).map_err(TrustedKeysError::OpenPgp)?;
        if keys.is_empty() {
            return Err(TrustedKeysError::OpenPgp("there is none".into()));
        }
        self.openpgp.extend(keys);
        Ok(())
    }
}

/// Splits at spaces outside quotes; quotes stay.
fn words(line: &str, at: impl Fn(char) -> bool) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        quoted ^= c == '"';
        if at(c) && !quoted {
            words.push(String::new());
        } else if let Some(word) = words.last_mut() {
            word.push(c);
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn allowed_signer(line: &str) -> Result<Option<AllowedSigner>, String> {
    let words = words(line, char::is_whitespace);
    let is_kind =
        |word: &String| ["ssh-", "ecdsa-", "sk-"].iter().any(|start| word.starts_with(start));
    let at = words.iter().position(is_kind).filter(|at| matches!(at, 1 | 2));
    let (Some(at), Some(principals)) = (at, words.first()) else {
        return Err("it is not `principals [options] type key`".into());
    };
    let Some(data) = words.get(at + 1) else { return Err("there is no key".into()) };
    let key = PublicKey::from_openssh(&format!("{} {data}", words[at]))
        .map_err(|error| format!("the key cannot be read: {error}"))?;
    let principals = principals.trim_matches('"').to_owned();
    let mut signer = AllowedSigner { principals, key, after: None, before: None };
    let options = if at == 2 { words[1].as_str() } else { "" };
    for option in self::words(options, |c| c == ',') {
        let (name, value) = option.split_once('=').unwrap_or((&option, ""));
        let value = value.trim_matches('"');
        match name.to_ascii_lowercase().as_str() {
            "namespaces" if value.split(',').any(|name| matches!(name.trim(), "git" | "*")) => {}
            "namespaces" => return Ok(None),
            "valid-after" => signer.after = Some(seconds(value)?),
            "valid-before" => signer.before = Some(seconds(value)?),
            "cert-authority" => {
                return Err("certificate authorities are not supported: give the keys".into());
            }
            other => return Err(format!("the option {other:?} is not known")),
        }
    }
    Ok(Some(signer))
}

/// Reads `YYYYMMDD[HHMM[SS]][Z]`.
fn seconds(text: &str) -> Result<i64, String> {
    let digits = text.trim_end_matches('Z');
    let wrong = || format!("the date {text:?} is not YYYYMMDD or YYYYMMDDHHMMSS");
    if !matches!(digits.len(), 8 | 12 | 14) {
        return Err(wrong());
    }
    let time = DateTime::strptime("%Y%m%d%H%M%S", format!("{digits:0<14}"))
        .and_then(|time| time.to_zoned(TimeZone::UTC))
        .map_err(|_| wrong())?;
    Ok(time.timestamp().as_second())
}

/// Says who signed a commit, which is given as git stores it.
pub fn verify(commit: &[u8], keys: &TrustedKeys) -> Result<SignedBy, SignatureError> {
    let signed = commit::split(commit)?;
    let text = signed.signature.trim_start();
    if text.starts_with("-----BEGIN SSH SIGNATURE-----") {
        verify_ssh(&signed, keys)
    } else if text.starts_with("-----BEGIN PGP ") {
        verify_openpgp(&signed, keys)
    } else {
        Err(SignatureError::Malformed("it is neither of OpenSSH nor of OpenPGP".into()))
    }
}

fn verify_ssh(signed: &commit::Signed, keys: &TrustedKeys) -> Result<SignedBy, SignatureError> {
    let signature = ssh::read(&signed.signature)?;
    let key = ssh::claimed(&signature);
    let known: Vec<_> =
        keys.ssh.iter().filter(|s| s.key.key_data() == signature.public_key()).collect();
    let Some(first) = known.first() else { return Err(SignatureError::Untrusted { key }) };
    ssh::verify(&first.key, &signed.payload, &signature)?;
    let valid = known.iter().find(|s| {
        s.after.is_none_or(|after| signed.time >= after)
            && s.before.is_none_or(|before| signed.time < before)
    });
    if let Some(allowed) = valid {
        let name = allowed.principals.clone();
        return Ok(SignedBy { name, key, format: SignatureFormat::Ssh });
    }
    let at = Timestamp::from_second(signed.time).map_or_else(
        |_| "the commit's date".to_owned(),
        |time| time.strftime("%Y-%m-%d").to_string(),
    );
    Err(SignatureError::Unusable { key, why: format!("it was not allowed at {at}") })
}

fn verify_openpgp(signed: &commit::Signed, keys: &TrustedKeys) -> Result<SignedBy, SignatureError> {
    let signature = certificate::read(&signed.signature)?;
    for known in &keys.openpgp {
        if let Some(result) = certificate::verify(known, &signed.payload, &signature) {
            return result.map(|()| SignedBy {
                name: known.name().to_owned(),
                key: known.fingerprint(),
                format: SignatureFormat::OpenPgp,
            });
        }
    }
    Err(SignatureError::Untrusted { key: certificate::claimed(&signature) })
}
