//! Keys, certificates and password hashes.
//!
//! They are known, so that charts parse, but not made yet: each needs a generator that draws
//! from the render's seed, or the same release would render differently every time.

use super::Kind::{Any, Int, Text};
use super::{Function, convert, fixed};

pub(super) const FUNCTIONS: &[Function] = &[
    fixed("genPrivateKey", &[Text], |_| convert::unsupported("genPrivateKey")),
    fixed("genCA", &[Text, Int], |_| convert::unsupported("genCA")),
    fixed("genCAWithKey", &[Text, Int, Text], |_| convert::unsupported("genCAWithKey")),
    fixed("genSelfSignedCert", &[Text, Any, Any, Int], |_| {
        convert::unsupported("genSelfSignedCert")
    }),
    fixed("genSelfSignedCertWithKey", &[Text, Any, Any, Int, Text], |_| {
        convert::unsupported("genSelfSignedCertWithKey")
    }),
    fixed("genSignedCert", &[Text, Any, Any, Int, Any], |_| convert::unsupported("genSignedCert")),
    fixed("genSignedCertWithKey", &[Text, Any, Any, Int, Any, Text], |_| {
        convert::unsupported("genSignedCertWithKey")
    }),
    fixed("buildCustomCert", &[Text, Text], |_| convert::unsupported("buildCustomCert")),
    fixed("bcrypt", &[Text], |_| convert::unsupported("bcrypt")),
    fixed("htpasswd", &[Text, Text], |_| convert::unsupported("htpasswd")),
    fixed("derivePassword", &[Any, Text, Text, Text, Text], |_| {
        convert::unsupported("derivePassword")
    }),
    fixed("encryptAES", &[Text, Text], |_| convert::unsupported("encryptAES")),
    fixed("decryptAES", &[Text, Text], |_| convert::unsupported("decryptAES")),
];
