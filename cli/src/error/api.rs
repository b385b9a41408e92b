//! What the API server says, in words that help.

use gimlet_crds::GROUP;
use kube::core::Status;
use kube::core::response::StatusDetails;
use serde_json::Value;

use super::{CommandError, Kind, chain};

/// A request to the API server, for messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    /// What was asked for, such as `create`.
    pub(crate) verb: &'static str,
    /// The plural of the kind, such as `releases`.
    pub(crate) resource: &'a str,
    /// Name of the object, where there is one.
    pub(crate) name: Option<&'a str>,
    /// Namespace of the object.
    pub(crate) namespace: &'a str,
    /// Address of the API server.
    pub(crate) server: &'a str,
}

impl Request<'_> {
    /// Translates an error of the client.
    pub(crate) fn failed(&self, error: &kube::Error) -> CommandError {
        match error {
            kube::Error::Api(status) => self.refused(status),
            kube::Error::SerdeError(_) => CommandError::general(format!(
                "the answer to {} has a form that this version of gimlet does not know: {}",
                self.words(),
                chain(error)
            ))
            .hint("use the version of gimlet that belongs to the installed definitions"),
            kube::Error::HyperError(_) | kube::Error::Service(_) | kube::Error::ReadEvents(_) => {
                self.unreachable(error)
            }
            _ => CommandError::general(format!("cannot {}: {}", self.words(), chain(error))),
        }
    }

    fn refused(&self, status: &Status) -> CommandError {
        let Self { verb, resource, namespace, .. } = self;
        if let Some(error) = self.told_by_dashboard(status) {
            return error;
        }
        match status.code {
            401 => CommandError::new(
                Kind::Forbidden,
                "the cluster does not accept your credentials: they are missing, wrong or expired",
            )
            .hint("sign in again (gimlet login URL, or your kubeconfig), then check with: gimlet whoami"),
            403 => {
                let mut message = format!("you may not {verb} {resource} in namespace {namespace}");
                if let Some(who) = user(&status.message) {
                    message = format!("{message} as {who}");
                }
                CommandError::new(Kind::Forbidden, message).hint(format!(
                    "ask for the right, then check with: kubectl auth can-i {verb} \
                     {resource}.{GROUP} -n {namespace}"
                ))
            }
            404 => self.missing(status),
            422 => CommandError::new(Kind::Usage, self.invalid(status)),
            _ => CommandError::general(format!("cannot {}: {}", self.words(), status.message)),
        }
    }

    /// Reads what the dashboard says itself: the API server's own words have another form.
    fn told_by_dashboard(&self, status: &Status) -> Option<CommandError> {
        let Self { resource, server, .. } = self;
        let (reason, detail) = problem(status)?;
        Some(match status.code {
            401 => return None,
            404 => CommandError::new(
                Kind::Usage,
                format!("the dashboard at {server} passes only Gimlet's own kinds on, and this needs {resource}"),
            )
            .hint("use a kubeconfig: leave --server and GIMLET_SERVER out, or gimlet logout"),
            403 => CommandError::new(Kind::Forbidden, format!("{detail} ({reason})")),
            _ => CommandError::general(format!("{detail} ({reason})")),
        })
    }

    /// Tells a missing object from a missing kind.
    fn missing(&self, status: &Status) -> CommandError {
        let details = status.details.as_ref();
        let named = details.is_some_and(|details| !details.name.is_empty());
        if !named {
            return CommandError::new(Kind::NotFound, "Gimlet is not installed in this cluster")
                .hint(
                    "check the context (kubectl config current-context), or install the \
                     definitions: kubectl apply --server-side -f config/crd",
                );
        }
        if details.is_some_and(|details| details.kind == "namespaces") {
            let namespace = self.namespace;
            return CommandError::new(
                Kind::NotFound,
                format!("there is no namespace {namespace} in this cluster"),
            )
            .hint("name the namespace of the environment with -n");
        }
        let name = self.name.unwrap_or_default();
        let Self { resource, namespace, .. } = self;
        let kind = resource.strip_suffix('s').unwrap_or(resource);
        CommandError::new(
            Kind::NotFound,
            format!("there is no {kind} {name} in namespace {namespace}"),
        )
    }

    fn invalid(&self, status: &Status) -> String {
        let what = self.resource.strip_suffix('s').unwrap_or(self.resource);
        let mut lines = vec![format!("the {what} is not valid:")];
        lines.extend(causes(status.details.as_ref()));
        if lines.len() == 1 {
            lines.push(format!("  {}", status.message));
        }
        lines.join("\n")
    }

    fn unreachable(&self, error: &kube::Error) -> CommandError {
        let message =
            format!("the cluster at {} cannot be reached: {}", self.server, innermost(error));
        CommandError::general(message)
            .hint("check the context and the network: kubectl cluster-info")
    }

    fn words(&self) -> String {
        let Self { verb, resource, name, namespace, server: _ } = self;
        match name {
            Some(name) => format!("{verb} {name} of {resource} in namespace {namespace}"),
            None => format!("{verb} {resource} in namespace {namespace}"),
        }
    }
}

/// Tells whether a refusal is the dashboard's own, and not one of the API server behind it.
pub(crate) fn is_of_dashboard(status: &Status) -> bool {
    problem(status).is_some()
}

/// Reads reason and words of a refusal of the dashboard.
fn problem(status: &Status) -> Option<(String, String)> {
    let problem: Value = serde_json::from_str(&status.message).ok()?;
    let text = |field: &str| problem[field].as_str().map(str::to_owned);
    Some((text("reason")?, text("detail")?))
}

/// Returns the last cause: the others only repeat that there is one.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// Lists what is wrong, one line for each field, without what the server adds to it.
fn causes(details: Option<&StatusDetails>) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for cause in details.into_iter().flat_map(|details| &details.causes) {
        // The server gives up on rules once the form is wrong, and says so for each of them.
        if cause.message.contains("some validation rules were not checked") {
            continue;
        }
        let message = without_value(&cause.message);
        let line = match cause.field.as_str() {
            "" | "<nil>" => format!("  {message}"),
            field => format!("  {field}: {message}"),
        };
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}

/// Takes `Invalid value: "object": ` off a message of the API server.
fn without_value(message: &str) -> &str {
    let Some(rest) = message.strip_prefix("Invalid value: ") else {
        return message;
    };
    for placeholder in
        ["\"object\": ", "\"array\": ", "\"string\": ", "\"integer\": ", "\"boolean\": "]
    {
        if let Some(text) = rest.strip_prefix(placeholder) {
            return text;
        }
    }
    rest
}

/// Finds who asked in `… User "jane" cannot …`.
fn user(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("User \"")?;
    rest.split_once('"').map(|(user, _)| user).filter(|user| !user.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;
    use serde_json::json;

    const CREATE: Request<'static> = Request {
        verb: "create",
        resource: "releases",
        name: None,
        namespace: "team-a",
        server: "https://k8s.example.com/",
    };
    const GET: Request<'static> =
        Request { verb: "get", resource: "apps", name: Some("shop.staging"), ..CREATE };

    fn told(request: &Request<'_>, status: serde_json::Value) -> (i32, String) {
        let status: Status = serde_json::from_value(status).unwrap();
        let error = request.failed(&kube::Error::Api(status.boxed()));
        let text = anstream::adapter::strip_str(&error.styled()).to_string();
        (error.exit_code(), text)
    }

    #[test]
    fn what_the_dashboard_says_itself_is_told_in_its_words() {
        let said = |code: u16, reason: &str, detail: &str| {
            let message = json!({"status": code, "reason": reason, "detail": detail}).to_string();
            told(&CREATE, json!({"code": code, "reason": "Failed", "message": message}))
        };
        let (code, text) = said(404, "NotFound", "only /apis/gimlet.io is passed through");
        assert_eq!(code, 2);
        assert!(
            text.contains("passes only Gimlet's own kinds on, and this needs releases"),
            "{text}"
        );
        assert!(text.contains("leave --server"), "{text}");
        let (code, text) = said(403, "ReadOnly", "this dashboard only shows");
        assert_eq!((code, text.trim()), (5, "error: this dashboard only shows (ReadOnly)"));
        assert_eq!(said(503, "Busy", "too much at once").0, 1);
        assert_eq!(said(401, "Unauthorized", "sign in").0, 5);
    }

    #[test]
    fn a_denial_names_verb_resource_namespace_and_person() {
        let (code, text) = told(
            &CREATE,
            json!({"code": 403, "reason": "Forbidden", "message":
                "releases.gimlet.io is forbidden: User \"jane\" cannot create resource \"releases\" \
                 in API group \"gimlet.io\" in the namespace \"team-a\""}),
        );
        assert_eq!(code, 5);
        assert_snapshot!(text, @r"
        error: you may not create releases in namespace team-a as jane
        hint: ask for the right, then check with: kubectl auth can-i create releases.gimlet.io -n team-a
        ");
    }

    #[test]
    fn a_missing_kind_is_not_taken_for_a_missing_object() {
        let (code, text) = told(&GET, json!({"code": 404, "message": "404 page not found"}));
        assert_eq!(code, 6);
        assert!(text.contains("Gimlet is not installed in this cluster"), "{text}");
        let (code, text) = told(
            &GET,
            json!({"code": 404, "reason": "NotFound", "details": {"name": "shop.staging", "kind": "apps"}}),
        );
        assert_eq!(code, 6);
        assert_snapshot!(text, @"error: there is no app shop.staging in namespace team-a");
    }

    #[test]
    fn a_missing_namespace_is_named() {
        let (code, text) = told(
            &CREATE,
            json!({"code": 404, "reason": "NotFound", "details": {"name": "team-a", "kind": "namespaces"}}),
        );
        assert_eq!(code, 6);
        assert!(text.contains("there is no namespace team-a"), "{text}");
    }

    #[test]
    fn broken_rules_are_told_one_a_line() {
        let (code, text) = told(
            &CREATE,
            json!({"code": 422, "reason": "Invalid", "message": "long", "details": {"causes": [
                {"field": "spec", "message": "Invalid value: \"object\": a Release has exactly one source: set either manifest or rollbackTo"},
                {"field": "spec.app", "message": "spec.app in body should match '^[a-z0-9]'"},
                {"field": "<nil>", "message": "Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation"},
            ]}}),
        );
        assert_eq!(code, 2);
        assert_snapshot!(text, @r"
        error: the release is not valid:
          spec: a Release has exactly one source: set either manifest or rollbackTo
          spec.app: spec.app in body should match '^[a-z0-9]'
        ");
    }

    #[test]
    fn expired_credentials_are_told_from_missing_rights() {
        let (code, text) = told(&GET, json!({"code": 401, "message": "Unauthorized"}));
        assert_eq!(code, 5);
        assert!(text.contains("does not accept your credentials"), "{text}");
    }
}
