use gimlet_crds::{Chart as ChartName, HookPolicy, Values};
use gimlet_helm::ChartFile;
use serde_json::json;

use super::*;
use crate::resolve;

/// Renders for the app `web` in the environment `staging`.
struct Scene {
    app: AppName,
    environment: EnvName,
    manifest: DeployManifest,
    chart: Option<Chart>,
    allow_secrets: bool,
}

impl Scene {
    fn raw(manifests: &str) -> Self {
        Self {
            app: AppName::parse("web").unwrap(),
            environment: EnvName::parse("staging").unwrap(),
            manifest: DeployManifest {
                namespace: "team".into(),
                manifests: Some(manifests.into()),
                ..DeployManifest::default()
            },
            chart: None,
            allow_secrets: false,
        }
    }

    fn chart(templates: &[(&str, &str)]) -> Self {
        let mut files = vec![
            ("Chart.yaml", "apiVersion: v2\nname: small\nversion: 1.2.3\n"),
            ("values.yaml", "replicas: 1\nimage:\n  repository: nginx\n  tag: latest\n"),
        ];
        files.extend(templates);
        let files = files
            .into_iter()
            .map(|(path, text)| ChartFile { path: path.into(), data: text.as_bytes().to_vec() })
            .collect();
        let mut scene = Self::raw("");
        scene.manifest.manifests = None;
        scene.manifest.chart = Some(ChartName { name: "small".into(), ..ChartName::default() });
        scene.chart = Some(Chart::from_files(files).unwrap());
        scene
    }

    fn values(mut self, values: Value) -> Self {
        let Value::Object(values) = values else { panic!("values are a map") };
        self.manifest.values = Some(Values(values));
        self
    }

    fn patches(mut self, patches: &str) -> Self {
        self.manifest.strategic_merge_patches = Some(patches.into());
        self
    }

    fn render(&self) -> Result<RenderedApp, RenderError> {
        render(&RenderInput {
            app: &self.app,
            environment: &self.environment,
            manifest: &self.manifest,
            chart: self.chart.as_ref(),
            kubernetes_version: "1.36.0",
            api_versions: &[],
            seed: [7; 32],
            time: jiff::Timestamp::UNIX_EPOCH,
            allow_secrets: self.allow_secrets,
        })
    }

    fn refusal(&self) -> String {
        self.render().unwrap_err().to_string()
    }
}

fn shown(app: &RenderedApp) -> String {
    let texts = app
        .files
        .iter()
        .map(|(name, bytes)| format!("# {name}\n{}", std::str::from_utf8(bytes).unwrap()));
    let warnings = app.warnings.iter().map(|warning| format!("# warning: {warning}\n"));
    texts.chain(warnings).collect()
}

fn object(api_version: &str, kind: &str, name: &str) -> String {
    format!("---\napiVersion: {api_version}\nkind: {kind}\nmetadata:\n  name: {name}\n")
}

const DEPLOYMENT: &str = r#"apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
  namespace: {{ .Release.Namespace }}
  labels:
    app.kubernetes.io/name: {{ .Release.Name }}
spec:
  replicas: {{ .Values.replicas }}
  selector:
    matchLabels:
      app.kubernetes.io/name: {{ .Release.Name }}
  template:
    metadata:
      labels:
        app.kubernetes.io/name: {{ .Release.Name }}
    spec:
      containers:
      - image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"
        name: app
"#;

const SERVICE: &str = "apiVersion: v1\nkind: Service\nmetadata:\n  name: {{ .Release.Name }}\nspec:\n  ports:\n  - port: 80\n";

const DEFINITION: &str = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: things.a.io\nspec:\n  group: a.io\n  scope: Cluster\n  names:\n    kind: Thing\n    plural: things\n";

const HOOKS: &str = "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: migrate\n  annotations:\n    helm.sh/hook: pre-upgrade\n---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: try\n  annotations:\n    helm.sh/hook: test\n";

#[test]
fn a_chart_with_values_and_patches_becomes_files() {
    let mut scene = Scene::chart(&[
        ("templates/deployment.yaml", DEPLOYMENT),
        ("templates/service.yaml", SERVICE),
        ("templates/thing.yaml", "apiVersion: a.io/v1\nkind: Thing\nmetadata:\n  name: one\n"),
        ("templates/hooks.yaml", HOOKS),
        ("crds/things.yaml", DEFINITION),
    ])
    .values(json!({"image": {"tag": "{{ .SHA }}"}}))
    .patches(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  template:\n    spec:\n      \
         containers:\n      - name: app\n        env:\n        - name: VERSION\n          value: \"{{ .SHA }}\"\n",
    );
    scene.manifest.json6902_patches = vec![
        serde_json::from_value(json!({
            "patch": "- op: replace\n  path: /spec/ports/0/port\n  value: 8080\n",
            "target": {"kind": "Service"},
        }))
        .unwrap(),
    ];
    scene.manifest.manifests =
        Some(object("v1", "ConfigMap", "web") + "data:\n  sha: \"{{ .SHA }}\"\n");
    let vars = BTreeMap::from([("SHA".to_owned(), "1e10".to_owned())]);
    scene.manifest = resolve(&scene.manifest, &vars).unwrap();
    insta::assert_snapshot!(shown(&scene.render().unwrap()));
}

#[test]
fn hooks_are_kept_where_that_is_wanted() {
    let mut scene = Scene::chart(&[("templates/hooks.yaml", HOOKS)]);
    assert!(matches!(scene.render(), Err(RenderError::Empty)));
    scene.manifest.chart.as_mut().unwrap().hook_policy = Some(HookPolicy::Keep);
    let app = scene.render().unwrap();
    let names: Vec<&str> = app.files.keys().map(String::as_str).collect();
    assert_eq!(names, ["job-migrate.yaml"]);
    assert!(app.warnings[0].starts_with("kept as ordinary objects: hooks Job \"migrate\""));
    let annotations = &app.objects[0].value()["metadata"]["annotations"];
    assert_eq!(*annotations, json!({"kustomize.toolkit.fluxcd.io/force": "Enabled"}));
}

const RANDOM: &str = "apiVersion: v1
kind: ConfigMap
metadata:
  name: r
data:
  r: {{ randAlphaNum 20 }}
  d: {{ now | date \"2006-01-02\" | quote }}
  s: same
";

#[test]
fn random_functions_give_the_same_bytes_again() {
    let scene = Scene::chart(&[("templates/r.yaml", RANDOM)]);
    assert_eq!(scene.render().unwrap().files, scene.render().unwrap().files);
}

#[test]
fn what_changes_with_every_release_is_told_with_its_function() {
    let mut scene = Scene::chart(&[
        ("values.yaml", "auth:\n  adminPassword: \"\"\n  existingSecret: \"\"\n"),
        ("templates/_lib.tpl", "{{ define \"password\" }}{{ randAlphaNum 20 }}{{ end }}"),
        ("templates/r.yaml", RANDOM),
        (
            "templates/secret.yaml",
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\nstringData:\n  admin-password: \
             {{ include \"password\" . }}\n  user: admin\n",
        ),
        (
            "templates/deployment.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: d\nspec:\n  template:\n    \
             metadata:\n      annotations:\n        a.io/rolled: {{ uuidv4 }}\n",
        ),
        (
            "templates/named.yaml",
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p{{ randNumeric 3 }}\n",
        ),
    ]);
    scene.allow_secrets = true;
    let warnings = scene.render().unwrap().warnings.join("\n");
    let named = warnings.find("the name of Pod \"team/p").unwrap();
    let digits = named + "the name of Pod \"team/p".len();
    let warnings = format!("{}NNN{}", &warnings[..digits], &warnings[digits + 3..]);
    insta::assert_snapshot!(warnings);
}

#[test]
fn a_field_that_a_patch_fixes_is_not_told() {
    let scene = Scene::chart(&[("templates/r.yaml", RANDOM)])
        .patches("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: r\ndata:\n  r: x\n  d: y\n");
    assert_eq!(scene.render().unwrap().warnings, Vec::<String>::new());
}

#[test]
fn a_provenance_file_is_named_and_not_trusted() {
    let template = ("templates/a.yaml", "kind: ConfigMap\napiVersion: v1\nmetadata: {name: a}\n");
    let scene = Scene::chart(&[template, ("charts/cache-1.0.0.tgz.prov", "signed")]);
    let warnings = scene.render().unwrap().warnings;
    assert_eq!(warnings.len(), 1);
    assert!(
        warnings[0].contains("charts/cache-1.0.0.tgz.prov, whose signature nobody"),
        "{warnings:?}"
    );
}

#[test]
fn a_chart_that_fails_by_chance_is_told() {
    let template = "{{ if hasPrefix \"1970\" (now | date \"2006\") }}a: {{ else }}{{ fail \"too late\" }}{{ end }}";
    let template = template.replace("a: ", &object("v1", "ConfigMap", "a"));
    let warnings = Scene::chart(&[("templates/a.yaml", &template)]).render().unwrap().warnings;
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].starts_with("the next release may fail by chance: "), "{warnings:?}");
    assert!(warnings[0].contains("too late"), "{warnings:?}");
}

#[test]
fn warnings_about_randomness_stay_few() {
    let template = "{{ range until 20 }}---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c{{ . }}\n\
                    data:\n  a: {{ uuidv4 }}\n  b: {{ uuidv4 }}\n  c: {{ uuidv4 }}\n  d: {{ uuidv4 }}\n{{ end }}";
    let warnings = Scene::chart(&[("templates/a.yaml", template)]).render().unwrap().warnings;
    assert_eq!(warnings.len(), 7);
    assert!(warnings[0].contains("data.a, data.b, data.c, 1 more change with"), "{}", warnings[0]);
    assert_eq!(warnings[6], "14 more objects change with every release");
}

#[test]
fn a_chart_that_fails_is_named() {
    let scene = Scene::chart(&[("templates/a.yaml", "{{ fail \"no luck\" }}")]);
    let error = scene.render().unwrap_err();
    assert_eq!(error.reason(), RenderReason::ChartFailed);
    assert!(error.to_string().contains("no luck"), "{error}");
    let mut scene = Scene::chart(&[("templates/a.yaml", "a: [\n")]);
    assert!(scene.refusal().contains("templates/a.yaml"), "{}", scene.refusal());
    scene.chart = None;
    assert_eq!(scene.render().unwrap_err().reason(), RenderReason::ChartNotLoaded);
}

#[test]
fn raw_manifests_become_files() {
    let text = object("v1", "ConfigMap", "settings")
        + "data:\n  z: \"yes\"\n  a: \"017\"\n  text: \"one\\ntwo \\n\"\n"
        + &object("rbac.authorization.k8s.io/v1", "ClusterRole", "system:web")
        + &object("cert-manager.io/v1", "ClusterIssuer", "ca")
        + "kind_of: 1\n"
        + "---\n# nothing here\n---\n"
        + "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ServiceAccount\n  metadata:\n    name: web\n    \
           namespace: other\n";
    insta::assert_snapshot!(shown(&Scene::raw(&text).render().unwrap()));
}

#[test]
fn labels_are_not_put_into_selectors_and_templates() {
    let text = object("apps/v1", "Deployment", "web")
        + "spec:\n  selector:\n    matchLabels:\n      a: b\n  template:\n    metadata:\n      labels:\n        a: b\n";
    let app = Scene::raw(&text).render().unwrap();
    let value = Value::Object(app.objects[0].value().clone());
    assert_eq!(
        value["metadata"]["labels"],
        json!({"gimlet.io/app": "web", "gimlet.io/environment": "staging"})
    );
    assert_eq!(value["spec"]["selector"]["matchLabels"], json!({"a": "b"}));
    assert_eq!(value["spec"]["template"]["metadata"]["labels"], json!({"a": "b"}));
}

#[test]
fn the_order_of_keys_and_the_run_do_not_change_the_bytes() {
    let one = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  labels:\n    x: \"1\"\n    b: \"2\"\ndata:\n  k: v\n  a: b\n";
    let two = "data:\n  a: b\n  k: v\nmetadata:\n  labels:\n    b: \"2\"\n    x: \"1\"\n  name: a\nkind: ConfigMap\napiVersion: v1\n";
    let files = Scene::raw(one).render().unwrap().files;
    assert_eq!(files, Scene::raw(one).render().unwrap().files);
    assert_eq!(files, Scene::raw(two).render().unwrap().files);
    for bytes in files.values() {
        assert_eq!(bytes.last(), Some(&b'\n'));
    }
}

#[test]
fn plain_secrets_are_refused_unless_they_are_allowed() {
    let text = object("v1", "Secret", "password") + "stringData:\n  password: hunter2\n";
    let mut scene = Scene::raw(&text);
    let error = scene.refusal();
    assert!(
        error.contains("Secret \"team/password\"") && error.contains("allowSecrets"),
        "{error}"
    );
    assert!(!error.contains("hunter2"), "{error}");
    scene.allow_secrets = true;
    assert!(scene.render().unwrap().files.contains_key("secret-password.yaml"));
    let sealed = object("bitnami.com/v1alpha1", "SealedSecret", "password");
    assert!(Scene::raw(&sealed).render().is_ok());
}

#[test]
fn a_patch_cannot_smuggle_a_secret_in() {
    let mut scene = Scene::raw(&object("v1", "ConfigMap", "a"));
    scene.manifest.json6902_patches = vec![
        serde_json::from_value(json!({
            "patch": "[{\"op\": \"replace\", \"path\": \"/kind\", \"value\": \"Secret\"}]",
            "target": {"kind": "ConfigMap"},
        }))
        .unwrap(),
    ];
    assert_eq!(scene.render().unwrap_err().reason(), RenderReason::SecretRefused);
}

#[test]
fn nothing_rendered_is_an_error() {
    for text in ["", "---\n", "# comment\n", "apiVersion: v1\nkind: List\nitems: []\n"] {
        assert!(matches!(Scene::raw(text).render(), Err(RenderError::Empty)), "{text:?}");
    }
    let scene = Scene::raw(&object("v1", "ConfigMap", "a"))
        .patches("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n$patch: delete\n");
    assert!(matches!(scene.render(), Err(RenderError::Empty)));
}

#[test]
fn an_object_that_is_there_twice_is_refused() {
    let text = object("v1", "ConfigMap", "a") + &object("v1", "ConfigMap", "a");
    assert!(Scene::raw(&text).refusal().contains("ConfigMap \"team/a\" of v1 is there twice"));
    let explicit =
        object("v1", "ConfigMap", "a") + &object("v1", "ConfigMap", "a") + "  namespace: team\n";
    assert_eq!(Scene::raw(&explicit).render().unwrap_err().reason(), RenderReason::DuplicateObject);
    let versions = object("apps/v1", "Deployment", "a") + &object("apps/v2", "Deployment", "a");
    assert_eq!(Scene::raw(&versions).render().unwrap_err().reason(), RenderReason::DuplicateObject);
    let namespaces =
        object("v1", "ConfigMap", "a") + &object("v1", "ConfigMap", "a") + "  namespace: b\n";
    let files = Scene::raw(&namespaces).render().unwrap().files;
    let names: Vec<&String> = files.keys().collect();
    assert_eq!(names, ["configmap-a-b.yaml", "configmap-a-team.yaml"]);
}

#[test]
fn what_no_cluster_takes_is_refused() {
    for text in [
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  generateName: a-\n",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ../../a\n",
        "kind: ConfigMap\nmetadata:\n  name: a\n",
        "just text\n",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  labels: [a]\n",
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nmetadata:\n  name: a\n",
    ] {
        assert_eq!(
            Scene::raw(text).render().unwrap_err().reason(),
            RenderReason::InvalidObject,
            "{text}"
        );
    }
}

#[test]
fn too_much_is_refused() {
    let many: String = (0..501).map(|n| object("v1", "ConfigMap", &format!("c{n}"))).collect();
    assert!(Scene::raw(&many).refusal().contains("501 objects"));
    let large = object("v1", "ConfigMap", "a") + "data:\n  a: " + &"x".repeat(9 << 20) + "\n";
    assert_eq!(Scene::raw(&large).render().unwrap_err().reason(), RenderReason::TooLarge);
}

#[test]
fn a_definition_in_the_render_says_where_its_objects_live() {
    let text = DEFINITION.to_owned()
        + &object("a.io/v1", "Thing", "one")
        + &object("b.io/v1", "Thing", "two");
    let app = Scene::raw(&text).render().unwrap();
    let namespaces: Vec<Option<&str>> =
        app.objects.iter().map(|object| object.namespace()).collect();
    assert_eq!(namespaces, [None, None, Some("team")]);
}

#[test]
fn a_namespace_on_an_object_without_one_goes() {
    let text = object("v1", "Namespace", "a") + "  namespace: team\n";
    let app = Scene::raw(&text).render().unwrap();
    assert_eq!(app.objects[0].namespace(), None);
}

#[test]
fn a_patch_finds_its_object_by_the_namespace_that_it_will_have() {
    let patch = |namespace: &str| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n{namespace}data:\n  k: v\n")
    };
    let objects = object("v1", "ConfigMap", "a");
    for namespace in ["", "  namespace: team\n"] {
        let app = Scene::raw(&objects).patches(&patch(namespace)).render().unwrap();
        assert_eq!(app.objects[0].value()["data"], json!({"k": "v"}), "{namespace:?}");
    }
    let error = Scene::raw(&objects).patches(&patch("  namespace: b\n")).refusal();
    assert!(error.starts_with("strategicMergePatches[0] matches no object"), "{error}");
    let elsewhere = object("v1", "ConfigMap", "a") + "  namespace: b\n";
    assert!(Scene::raw(&elsewhere).patches(&patch("")).render().is_ok());
    let several = elsewhere + &object("v1", "ConfigMap", "a") + "  namespace: c\n";
    let error = Scene::raw(&several).patches(&patch("")).refusal();
    assert!(error.contains("several namespaces"), "{error}");
}

#[test]
fn a_patch_that_matches_nothing_is_named() {
    let objects = object("apps/v1", "Deployment", "web");
    let patch = object("apps/v1", "Deployment", "wbe");
    let error = Scene::raw(&objects).patches(&patch).refusal();
    let expected = "strategicMergePatches[0] matches no object: there is no Deployment \"wbe\" of apps/v1; \
                    did you mean \"web\"?";
    assert_eq!(error, expected);
    let patch = object("apps/v1beta1", "Deployment", "web");
    let error = Scene::raw(&objects).patches(&patch).refusal();
    assert!(error.ends_with("; Deployment \"web\" is of apps/v1"), "{error}");
    let error = Scene::raw(&objects).patches("a: [").refusal();
    assert!(error.starts_with("strategicMergePatches is not valid YAML"), "{error}");
    let error = Scene::raw(&objects).patches("spec: {}\n").refusal();
    assert!(error.contains("does not name its object"), "{error}");
}

#[test]
fn a_patch_does_not_move_its_object() {
    let objects = object("v1", "ConfigMap", "a");
    let patch = object("v1", "ConfigMap", "a") + "  namespace: team\n";
    let app = Scene::raw(&objects).patches(&patch).render().unwrap();
    assert_eq!(app.objects[0].namespace(), Some("team"));
    assert!(app.warnings.is_empty());
}

#[test]
fn the_documentation_names_the_limits() {
    let page = include_str!("../../docs/helm.md");
    let gimlet_helm::Limits { steps, output_bytes, depth, list_length, allocated_bytes, .. } =
        gimlet_helm::Limits::default();
    let with_commas = |number: usize| {
        let digits = number.to_string();
        let parts: Vec<&str> = digits
            .as_bytes()
            .rchunks(3)
            .rev()
            .map(|part| std::str::from_utf8(part).unwrap())
            .collect();
        parts.join(",")
    };
    let count = |number: usize| format!("| {} |", with_commas(number));
    let mebibytes = |bytes: usize| format!("| {} MiB |", with_commas(bytes >> 20));
    for row in [
        format!("they go through {}", count(usize::try_from(steps).unwrap())),
        format!("single text {}", mebibytes(output_bytes)),
        format!("are made {}", mebibytes(allocated_bytes)),
        format!("nesting of templates {}", count(depth)),
        format!("elements of a list {}", count(list_length)),
        format!("objects of an app {}", count(MAX_FILES)),
        format!("files of an app {}", mebibytes(MAX_BYTES)),
    ] {
        assert!(page.contains(&row), "docs/helm.md lacks {row:?}");
    }
}
