//! What has to be there before an environment: its namespace, and the Secret that its repository is written by.
//!
//! Both are made as the caller. This door is narrower than Kubernetes' own: it makes these two, and what is there
//! already is neither read nor changed.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::api::{Api, ObjectMeta, PostParams};
use serde::{Deserialize, Serialize};

use crate::caller::Caller;
use crate::denials::{self, Attempt};
use crate::http::Dashboard;
use crate::problem::Problem;

/// Longest name of an object, in bytes.
const LONGEST_NAME: usize = 253;

/// A namespace that is to be there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    name: String,
}

/// Whether it was made, or was there already.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Made {
    made: bool,
}

/// A Secret with the credentials of a gitops repository. It has no `Debug`: what it holds is in no log.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Order {
    namespace: String,
    name: String,
    /// For which it is made.
    environment: String,
    credentials: Credentials,
    /// Certificate authorities of the host, trusted instead of the public ones.
    #[serde(default)]
    authorities: String,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all_fields = "camelCase", deny_unknown_fields)]
enum Credentials {
    Token {
        username: String,
        token: String,
    },
    Key {
        identity: String,
        known_hosts: String,
    },
    App {
        app_id: String,
        installation_id: String,
        private_key: String,
        #[serde(default)]
        base_url: String,
    },
}

/// Makes a namespace, unless it is there.
pub(crate) async fn namespace(
    State(dashboard): State<Dashboard>,
    caller: Caller,
    wanted: Result<Json<Wanted>, JsonRejection>,
) -> Result<(StatusCode, Json<Made>), Problem> {
    let Json(Wanted { name }) = wanted.map_err(|error| Problem::bad_request(error.body_text()))?;
    checked(&name)?;
    if dashboard.read_only {
        return Err(Problem::read_only());
    }
    let metadata = ObjectMeta { name: Some(name.clone()), ..ObjectMeta::default() };
    let api: Api<Namespace> = Api::all(caller.client(&dashboard));
    let namespace = Namespace { metadata, ..Namespace::default() };
    match api.create(&PostParams::default(), &namespace).await {
        Ok(_) => Ok((StatusCode::CREATED, Json(Made { made: true }))),
        Err(kube::Error::Api(status)) if status.reason == "AlreadyExists" => {
            Ok((StatusCode::OK, Json(Made { made: false })))
        }
        Err(error) => {
            note(&dashboard, &caller, "create namespaces", &name, None, &error);
            Err(refused("make the namespace", &error))
        }
    }
}

/// Makes the Secret with the credentials; one that is there stays as it is.
pub(crate) async fn credentials(
    State(dashboard): State<Dashboard>,
    caller: Caller,
    order: Result<Json<Order>, JsonRejection>,
) -> Result<(StatusCode, Json<Made>), Problem> {
    // The rejection is not told: its text may hold what was sent.
    let Json(order) = order.map_err(|_| {
        Problem::bad_request(
            "the body has to be JSON with namespace, name, environment and credentials",
        )
    })?;
    checked(&order.namespace)?;
    checked(&order.name)?;
    if dashboard.read_only {
        return Err(Problem::read_only());
    }
    let Order { namespace, name, environment, credentials, authorities } = order;
    let data = data(credentials, &authorities)?;
    let metadata = ObjectMeta { name: Some(name.clone()), ..ObjectMeta::default() };
    let secret =
        Secret { metadata, type_: Some("Opaque".into()), data: Some(data), ..Secret::default() };
    let api: Api<Secret> = Api::namespaced(caller.client(&dashboard), &namespace);
    match api.create(&PostParams::default(), &secret).await {
        Ok(_) => Ok((StatusCode::CREATED, Json(Made { made: true }))),
        Err(kube::Error::Api(status)) if status.reason == "AlreadyExists" => {
            let detail = format!(
                "there is a Secret {name} in namespace {namespace} already, and it stays as it is: take that one, or choose another name"
            );
            Err(Problem::new(StatusCode::CONFLICT, "AlreadyExists", detail))
        }
        Err(error) => {
            note(&dashboard, &caller, "create secrets", &namespace, Some(environment), &error);
            Err(refused("make the Secret", &error))
        }
    }
}

/// Keeps that somebody was not allowed to.
fn note(
    dashboard: &Dashboard,
    caller: &Caller,
    what: &str,
    namespace: &str,
    environment: Option<String>,
    error: &kube::Error,
) {
    let kube::Error::Api(status) = error else { return };
    if status.code == StatusCode::FORBIDDEN.as_u16() {
        let namespace = namespace.to_owned();
        let attempt = Attempt { what: what.into(), namespace, app: None, environment, name: None };
        denials::record(dashboard, caller, attempt, status.message.clone());
    }
}

/// Tells what the API server says; it knows names and rules, never what a Secret holds.
fn refused(action: &str, error: &kube::Error) -> Problem {
    match error {
        kube::Error::Api(status) if status.code == 404 => Problem::not_found(format!(
            "{}: make the namespace first, or have somebody make it who may",
            status.message
        )),
        kube::Error::Api(status) if matches!(status.code, 400 | 422) => {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", status.message.clone())
        }
        error => Problem::of_api(action, error),
    }
}

/// Refuses what is no name, and so would be another address.
fn checked(name: &str) -> Result<(), Problem> {
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    if !name.is_empty()
        && name.len() <= LONGEST_NAME
        && name.bytes().all(plain)
        && !name.starts_with('.')
    {
        return Ok(());
    }
    Err(Problem::bad_request("a name has lower-case letters, digits, '-' and '.', at most 253"))
}

/// Makes the keys that the operator and Flux read.
fn data(
    credentials: Credentials,
    authorities: &str,
) -> Result<BTreeMap<String, ByteString>, Problem> {
    let mut keys = match credentials {
        Credentials::Token { username, token } => vec![
            ("username", word("the user name", &username)?),
            ("password", word("the token", &token)?),
        ],
        Credentials::Key { identity, known_hosts } => vec![
            ("identity", key(&identity)?),
            ("known_hosts", lines("the keys of the host (known_hosts)", &known_hosts)?),
        ],
        Credentials::App { app_id, installation_id, private_key, base_url } => {
            let mut keys = vec![
                ("githubAppID", word("the App ID", &app_id)?),
                ("githubAppInstallationID", word("the installation ID", &installation_id)?),
                ("githubAppPrivateKey", key(&private_key)?),
            ];
            if !base_url.trim().is_empty() {
                keys.push(("githubAppBaseURL", word("the address of the API", &base_url)?));
            }
            keys
        }
    };
    if !authorities.trim().is_empty() {
        keys.push(("ca.crt", lines("the certificate authorities", authorities)?));
    }
    Ok(keys
        .into_iter()
        .map(|(name, text)| (name.to_owned(), ByteString(text.into_bytes())))
        .collect())
}

fn word(what: &str, text: &str) -> Result<String, Problem> {
    let word = text.trim();
    if !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(word.to_owned());
    }
    Err(Problem::bad_request(format!("{what} is missing, or is not one word")))
}

fn key(text: &str) -> Result<String, Problem> {
    let key = lines("the private key", text)?;
    if key.starts_with("-----BEGIN ") && key.contains("PRIVATE KEY-----") {
        return Ok(key);
    }
    Err(Problem::bad_request(
        "this is no private key: paste the whole file, from -----BEGIN to the last line",
    ))
}

/// Ends lines as programs want them, the last one too, whatever a browser makes of what is pasted.
fn lines(what: &str, text: &str) -> Result<String, Problem> {
    let text = text.replace("\r\n", "\n");
    let text = text.trim();
    if text.is_empty() {
        return Err(Problem::bad_request(format!("{what} are missing")));
    }
    Ok(format!("{text}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(order: Value) -> Result<Vec<(String, String)>, Problem> {
        let order: Order = serde_json::from_value(order)
            .map_err(|error| Problem::bad_request(error.to_string()))?;
        let keys = data(order.credentials, &order.authorities)?;
        let text = |value: ByteString| String::from_utf8_lossy(&value.0).into_owned();
        Ok(keys.into_iter().map(|(key, value)| (key, text(value))).collect())
    }

    fn order(credentials: &Value) -> Value {
        json!({"namespace": "team", "name": "git", "environment": "staging", "credentials": credentials})
    }

    #[test]
    fn the_keys_are_those_that_the_operator_and_flux_read() {
        let mut token = order(&json!({"kind": "Token", "username": "git", "token": " abc\n"}));
        token["authorities"] = "-----BEGIN CERTIFICATE-----\r\nx".into();
        assert_eq!(
            read(token).unwrap(),
            [
                ("ca.crt".into(), "-----BEGIN CERTIFICATE-----\nx\n".into()),
                ("password".into(), "abc".into()),
                ("username".into(), "git".into())
            ]
        );
        let key = "-----BEGIN OPENSSH PRIVATE KEY-----\r\nx\r\n-----END OPENSSH PRIVATE KEY-----";
        let names = |order: Value| {
            read(order).unwrap().into_iter().map(|(name, _)| name).collect::<Vec<_>>()
        };
        let ssh =
            order(&json!({"kind": "Key", "identity": key, "knownHosts": "host ssh-ed25519 A"}));
        assert_eq!(names(ssh.clone()), ["identity", "known_hosts"]);
        assert!(read(ssh).unwrap()[0].1.ends_with("PRIVATE KEY-----\n"));
        let app = json!({"kind": "App", "appId": "12", "installationId": "34", "privateKey": key});
        assert_eq!(
            names(order(&app)),
            ["githubAppID", "githubAppInstallationID", "githubAppPrivateKey"]
        );
    }

    #[test]
    fn what_cannot_be_credentials_is_refused_without_repeating_it() {
        for credentials in [
            json!({"kind": "Token", "username": "git", "token": "  "}),
            json!({"kind": "Token", "username": "git", "token": "hunter2 hunter2"}),
            json!({"kind": "Key", "identity": "hunter2", "knownHosts": "h"}),
            json!({"kind": "Key", "identity": "-----BEGIN PRIVATE KEY-----", "knownHosts": " "}),
            json!({"kind": "App", "appId": "", "installationId": "3", "privateKey": "hunter2"}),
        ] {
            let problem = read(order(&credentials)).unwrap_err();
            assert_eq!(problem.reason, "BadRequest");
            assert!(!problem.detail.contains("hunter2"), "{}", problem.detail);
        }
    }

    #[test]
    fn a_name_is_no_other_address() {
        for (name, good) in [
            ("team", true),
            ("staging-gitops.v2", true),
            ("", false),
            ("..", false),
            ("a/b", false),
            ("Team", false),
            ("a%2fb", false),
        ] {
            assert_eq!(checked(name).is_ok(), good, "{name}");
        }
    }
}
