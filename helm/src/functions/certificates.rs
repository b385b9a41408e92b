//! Certificates and private keys, drawn from the seed of the render.

use std::net::IpAddr;
use std::rc::Rc;

use jiff::{SignedDuration, Timestamp};
use rsa::sha2::{Digest, Sha256};
use smol_str::SmolStr;
use x509_cert::Certificate;
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::pkix::SubjectKeyIdentifier;

use super::Kind::{Certificate as Pair, Int, List, Text};
use super::keys::{PemBlock, PrivateKey, pem};
use super::{Call, Function, fixed};
use super::{RandomKind, der};
use crate::encoding::from_base64;
use crate::print::{display_short, quote};
use crate::template::fault::{Fault, Outcome, fail};
use crate::value::{Field, Object, Struct, Value};

/// Bits of the keys Sprig makes for certificates.
const RSA_BITS: usize = 2048;
/// Bits of the key `genPrivateKey` makes.
const LONG_RSA_BITS: usize = 4096;
/// Steps a key counts for, in proportion to the time it takes.
const RSA_STEPS: u64 = 100_000;
const LONG_RSA_STEPS: u64 = 1_000_000;
const DSA_STEPS: u64 = 2_000_000;

const MADE: RandomKind = RandomKind::Certificate;

pub(super) const FUNCTIONS: &[Function] = &[
    fixed("genPrivateKey", &[Text], private_key).draws(RandomKind::Key),
    fixed("genCA", &[Text, Int], |call| {
        let key = new_key(call)?;
        authority(call, &key)
    })
    .draws(MADE),
    fixed("genCAWithKey", &[Text, Int, Text], |call| {
        let key = given_key(call, 2)?;
        authority(call, &key)
    })
    .draws(MADE),
    fixed("genSelfSignedCert", &[Text, List, List, Int], |call| {
        let key = new_key(call)?;
        self_signed(call, &key)
    })
    .draws(MADE),
    fixed("genSelfSignedCertWithKey", &[Text, List, List, Int, Text], |call| {
        let key = given_key(call, 4)?;
        self_signed(call, &key)
    })
    .draws(MADE),
    fixed("genSignedCert", &[Text, List, List, Int, Pair], |call| {
        let key = new_key(call)?;
        signed(call, &key)
    })
    .draws(MADE),
    fixed("genSignedCertWithKey", &[Text, List, List, Int, Pair, Text], |call| {
        let key = given_key(call, 5)?;
        signed(call, &key)
    })
    .draws(MADE),
    fixed("buildCustomCert", &[Text, Text], custom),
];

fn private_key(call: &mut Call<'_>) -> Outcome<Value> {
    let kind = call.text(0);
    let steps = match &*kind {
        "" | "rsa" => LONG_RSA_STEPS,
        "dsa" => DSA_STEPS,
        _ => 1000,
    };
    call.engine.spend(steps)?;
    let mut random = call.engine.random();
    let key = match &*kind {
        "" | "rsa" => PrivateKey::rsa(&mut random, LONG_RSA_BITS),
        "dsa" => PrivateKey::dsa(&mut random),
        "ecdsa" => Ok(PrivateKey::p256(&mut random)),
        "ed25519" => Ok(PrivateKey::ed25519(&mut random)),
        other => return Ok(format!("Unknown type {other}").into()),
    };
    let text = key.and_then(|key| key.to_pem());
    Ok(text.unwrap_or_else(|error| format!("failed to generate private key: {error}")).into())
}

fn new_key(call: &Call<'_>) -> Outcome<PrivateKey> {
    call.engine.spend(RSA_STEPS)?;
    PrivateKey::rsa(&mut call.engine.random(), RSA_BITS)
        .map_err(|error| Fault::new(format!("error generating rsa key: {error}")))
}

fn given_key(call: &Call<'_>, index: usize) -> Outcome<PrivateKey> {
    PrivateKey::from_pem(&call.text(index))
        .map_err(|error| Fault::new(format!("parsing private key: {error}")))
}

/// Who signs a certificate.
struct Issuer<'k> {
    key: &'k PrivateKey,
    /// The encoded name.
    name: Vec<u8>,
    key_id: Option<Vec<u8>>,
    /// The public key the issuer's own certificate has, if there is one.
    public: Option<Vec<u8>>,
}

/// What a certificate says.
struct Request {
    name: Vec<u8>,
    addresses: Vec<IpAddr>,
    hosts: Vec<SmolStr>,
    serial: [u8; 16],
    from: Timestamp,
    until: Option<Timestamp>,
    is_authority: bool,
}

fn request(call: &Call<'_>, days: i64) -> Request {
    let from = call.engine.now();
    let valid = days.wrapping_mul(86_400_000_000_000);
    Request {
        name: subject(&call.text(0)),
        addresses: Vec::new(),
        hosts: Vec::new(),
        serial: call.engine.random().array(),
        from,
        until: from.checked_add(SignedDuration::from_nanos(valid)).ok(),
        is_authority: false,
    }
}

fn request_with_names(call: &Call<'_>) -> Outcome<Request> {
    let (addresses, hosts) = (addresses(call.arg(1))?, hosts(call.arg(2))?);
    Ok(Request { addresses, hosts, ..request(call, call.int(3)) })
}

fn authority(call: &Call<'_>, key: &PrivateKey) -> Outcome<Value> {
    let request = Request { is_authority: true, ..request(call, call.int(1)) };
    let issuer = Issuer { key, name: request.name.clone(), key_id: None, public: None };
    issue(&request, key, &issuer)
}

fn self_signed(call: &Call<'_>, key: &PrivateKey) -> Outcome<Value> {
    let request = request_with_names(call)?;
    let issuer = Issuer { key, name: request.name.clone(), key_id: None, public: None };
    issue(&request, key, &issuer)
}

fn signed(call: &Call<'_>, key: &PrivateKey) -> Outcome<Value> {
    let (certificate, signer) = pair(call.arg(4));
    let Some(block) = PemBlock::first(&certificate) else {
        return fail("unable to decode certificate");
    };
    let parent = parsed(&block).map_err(|error| {
        Fault::new(format!("error parsing certificate: decodedSignerCert.Bytes: {error}"))
    })?;
    let signer = PrivateKey::from_pem(&signer)
        .map_err(|error| Fault::new(format!("error parsing private key: {error}")))?;
    let request = request_with_names(call)?;
    let parent = parent.tbs_certificate();
    let encoding = |error: x509_cert::der::Error| Fault::new(error.to_string());
    let key_id = match parent.get_extension::<SubjectKeyIdentifier>() {
        Ok(Some((_, id))) => Some(id.0.as_bytes().to_vec()),
        _ => None,
    };
    let issuer = Issuer {
        key: &signer,
        name: parent.subject().to_der().map_err(encoding)?,
        key_id,
        public: Some(parent.subject_public_key_info().to_der().map_err(encoding)?),
    };
    issue(&request, key, &issuer)
}

/// A certificate and its key, as texts.
fn pair(value: &Value) -> (Rc<str>, Rc<str>) {
    let field = |name: &str| match value {
        Value::Object(object) => match &**object {
            Object::Struct(inner) => inner
                .fields
                .iter()
                .find(|field| field.name == name)
                .and_then(|field| field.value.as_text().map(Rc::from)),
            _ => None,
        },
        _ => None,
    };
    (field("Cert").unwrap_or_default(), field("Key").unwrap_or_default())
}

fn pair_of(certificate: String, key: String) -> Value {
    let field =
        |name, text: String| Field { name, key: name, omit_empty: false, value: Value::from(text) };
    Value::object(Object::Struct(Struct {
        type_name: super::CERTIFICATE,
        pointer: false,
        embedded: 0,
        fields: vec![field("Cert", certificate), field("Key", key)],
        display: None,
    }))
}

fn parsed(block: &PemBlock) -> Result<Certificate, String> {
    Certificate::from_der(&block.data).map_err(|_| "x509: malformed certificate".to_owned())
}

fn custom(call: &mut Call<'_>) -> Outcome<Value> {
    let decoded = |index: usize, what: &str| {
        from_base64(&call.text(index))
            .ok_or_else(|| Fault::new(format!("unable to decode base64 {what}")))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    };
    let (certificate, key) = (decoded(0, "certificate")?, decoded(1, "private key")?);
    let Some(block) = PemBlock::first(&certificate) else {
        return fail("unable to decode certificate");
    };
    parsed(&block).map_err(|error| {
        Fault::new(format!("error parsing certificate: decodedCert.Bytes: {error}"))
    })?;
    PrivateKey::from_pem(&key)
        .map_err(|error| Fault::new(format!("error parsing private key: {error}")))?;
    Ok(pair_of(certificate, key))
}

fn elements(value: &Value) -> &[Value] {
    if let Value::List(items, _) = value { items } else { &[] }
}

fn addresses(value: &Value) -> Outcome<Vec<IpAddr>> {
    let parse = |item: &Value| match item {
        Value::Text(text) => {
            text.parse().map_err(|_| Fault::new(format!("error parsing ip: {text}")))
        }
        other => fail(format!("error parsing ip: {} is not a string", display_short(other))),
    };
    elements(value).iter().map(parse).collect()
}

fn hosts(value: &Value) -> Outcome<Vec<SmolStr>> {
    let parse = |item: &Value| match item {
        Value::Text(text) => Ok(text.clone()),
        other => fail(format!(
            "error processing alternate dns name: {} is not a string",
            display_short(other)
        )),
    };
    elements(value).iter().map(parse).collect()
}

/// A name that consists of a common name, or of nothing.
fn subject(name: &str) -> Vec<u8> {
    if name.is_empty() {
        return der::sequence(&[]);
    }
    let printable = |byte: u8| byte.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&byte);
    let tag = if name.bytes().all(printable) { der::PRINTABLE_STRING } else { der::UTF8_STRING };
    let common_name = vec![6, 3, 0x55, 4, 3];
    let attribute = der::sequence(&[common_name, der::tagged(tag, name.as_bytes())]);
    der::sequence(&[der::tagged(der::SET, &attribute)])
}

fn time(moment: Timestamp) -> Vec<u8> {
    let moment = crate::time::utc(moment);
    let (tag, layout) = if (1950..2050).contains(&moment.year()) {
        (der::UTC_TIME, "060102150405Z")
    } else {
        (der::GENERALIZED_TIME, "20060102150405Z")
    };
    der::tagged(tag, crate::time::format(&moment, layout).as_bytes())
}

/// An extension of version 3, from the last two numbers of its identifier.
fn extension(id: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let mut parts = vec![der::tagged(6, &[&[0x55, 0x1d], id].concat())];
    if critical {
        parts.push(vec![1, 1, 0xff]);
    }
    parts.push(der::tagged(der::OCTET_STRING, value));
    der::sequence(&parts)
}

fn extensions(
    request: &Request,
    subject_key: Option<&[u8]>,
    issuer_key: Option<&[u8]>,
) -> Result<Vec<u8>, String> {
    // Digital signature and key encipherment; authorities sign certificates as well.
    let usage: &[u8] = if request.is_authority { &[3, 2, 2, 0xa4] } else { &[3, 2, 5, 0xa0] };
    let purpose = |last: u8| der::tagged(6, &[0x2b, 6, 1, 5, 5, 7, 3, last]);
    let is_authority: Vec<Vec<u8>> =
        if request.is_authority { vec![vec![1, 1, 0xff]] } else { Vec::new() };
    let mut found = vec![
        extension(&[15], true, usage),
        extension(&[37], false, &der::sequence(&[purpose(1), purpose(2)])),
        extension(&[19], true, &der::sequence(&is_authority)),
    ];
    if let Some(id) = subject_key {
        found.push(extension(&[14], false, &der::tagged(der::OCTET_STRING, id)));
    }
    if let Some(id) = issuer_key {
        found.push(extension(&[35], false, &der::sequence(&[der::tagged(0x80, id)])));
    }
    let mut names = Vec::new();
    for host in &request.hosts {
        if !host.is_ascii() {
            return Err(format!("x509: {} cannot be encoded as an IA5String", quote(host)));
        }
        names.push(der::tagged(0x82, host.as_bytes()));
    }
    for address in &request.addresses {
        names.push(match address.to_canonical() {
            IpAddr::V4(address) => der::tagged(0x87, &address.octets()),
            IpAddr::V6(address) => der::tagged(0x87, &address.octets()),
        });
    }
    if !names.is_empty() {
        let nameless = request.name == der::sequence(&[]);
        found.push(extension(&[17], nameless, &der::sequence(&names)));
    }
    Ok(der::tagged(0xa3, &der::sequence(&found)))
}

/// The key itself inside the public key information.
fn key_bits(public: &[u8]) -> Result<Vec<u8>, String> {
    x509_cert::spki::SubjectPublicKeyInfoRef::from_der(public)
        .map(|info| info.subject_public_key.raw_bytes().to_vec())
        .map_err(|error| error.to_string())
}

fn certificate(
    request: &Request,
    key: &PrivateKey,
    issuer: &Issuer<'_>,
) -> Result<Vec<u8>, String> {
    let algorithm = issuer.key.algorithm()?.to_vec();
    let public = key.public()?;
    if let Some(known) = &issuer.public
        && *known != issuer.key.public()?
    {
        return Err("x509: provided PrivateKey doesn't match parent's PublicKey".into());
    }
    let issuer_key = issuer.key_id.as_deref().filter(|_| issuer.name != request.name);
    let digest = Sha256::digest(key_bits(&public)?);
    let subject_key = request.is_authority.then(|| &digest[..20]);
    let Some(until) =
        request.until.filter(|until| (0..10_000).contains(&crate::time::utc(*until).year()))
    else {
        return Err("asn1: structure error: cannot represent time as GeneralizedTime".into());
    };
    let body = der::sequence(&[
        der::tagged(0xa0, &der::unsigned(&[2])),
        der::unsigned(&request.serial),
        algorithm.clone(),
        issuer.name.clone(),
        der::sequence(&[time(request.from), time(until)]),
        request.name.clone(),
        public,
        extensions(request, subject_key, issuer_key)?,
    ]);
    let signature = issuer.key.sign(&body)?;
    Ok(der::sequence(&[body, algorithm, der::bits(&signature)]))
}

fn issue(request: &Request, key: &PrivateKey, issuer: &Issuer<'_>) -> Outcome<Value> {
    let data = certificate(request, key, issuer)
        .map_err(|error| Fault::new(format!("error creating certificate: {error}")))?;
    Ok(pair_of(pem("CERTIFICATE", &data), key.to_pem().map_err(Fault::new)?))
}
