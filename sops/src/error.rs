//! Why an object could not be encrypted.

/// Why an object could not be encrypted; no variant holds a value of the object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SopsError {
    /// The object is not a `Secret` of Kubernetes.
    #[error("{kind} is not a Secret of apiVersion v1; only those are encrypted")]
    NotASecret {
        /// The object's kind.
        kind: String,
    },
    /// Some values are encrypted, others can be read.
    #[error(
        "Secret {name} is encrypted in part: {field} is not; encrypt the whole file with sops, or \
         none of it"
    )]
    HalfEncrypted {
        /// The Secret's name.
        name: String,
        /// The field that differs from the others.
        field: String,
    },
    /// A value is not what Kubernetes takes.
    #[error("Secret {name}: {field} must be {wanted}")]
    InvalidField {
        /// The Secret's name.
        name: String,
        /// The field.
        field: String,
        /// What it has to be.
        wanted: &'static str,
    },
    /// Something in the Secret would be decrypted wrongly, or give its values away.
    #[error("Secret {name} cannot be encrypted with {field}: {problem}; remove it")]
    Unfit {
        /// The Secret's name.
        name: String,
        /// The field.
        field: String,
        /// Why it stands in the way.
        problem: &'static str,
    },
    /// The values are more than Kubernetes stores.
    #[error("Secret {name} has more than {limit} bytes of values, which Kubernetes refuses")]
    TooLarge {
        /// The Secret's name.
        name: String,
        /// The limit in bytes.
        limit: usize,
    },
}

impl SopsError {
    /// Returns the kind of the error in `PascalCase`, for conditions and metrics.
    ///
    /// All of them need a change of the Secret; trying again does not help.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotASecret { .. } => "NotASecret",
            Self::HalfEncrypted { .. } => "SecretHalfEncrypted",
            Self::InvalidField { .. } => "InvalidSecret",
            Self::Unfit { .. } => "SecretUnfit",
            Self::TooLarge { .. } => "SecretTooLarge",
        }
    }
}
