use super::yaml;
use crate::{SecretKind, classify, is_encrypted};

fn kind(text: &str) -> SecretKind {
    classify(&yaml(text))
}

#[test]
fn objects_are_told_apart() {
    let enc = "'ENC[AES256_GCM,data:AA==,iv:AA==,tag:AAAAAAAAAAAAAAAAAAAAAA==,type:str]'";
    let half = |field: &str| SecretKind::HalfEncrypted { field: field.to_owned() };
    for (text, expected) in [
        ("{apiVersion: v1, kind: Secret, data: {a: eA==}}", SecretKind::PlainSecret),
        ("{apiVersion: v1, kind: Secret, stringData: {a: 1}}", SecretKind::PlainSecret),
        ("{apiVersion: v1, kind: Secret, data: [a]}", SecretKind::PlainSecret),
        ("{apiVersion: v1, kind: Secret}", SecretKind::EmptySecret),
        (
            "{apiVersion: v1, kind: Secret, data: {a: ''}, stringData: null}",
            SecretKind::EmptySecret,
        ),
        ("{apiVersion: v1, kind: Secret, data: {a: ENC}, sops: {mac: x}}", half("data.a")),
        ("{apiVersion: v1, kind: Secret, data: {}, sops: {}}", half("sops.mac")),
        ("{apiVersion: bitnami.com/v1alpha1, kind: SealedSecret}", SecretKind::SealedSecret),
        ("{apiVersion: external-secrets.io/v1, kind: ExternalSecret}", SecretKind::ExternalSecret),
        ("{apiVersion: example.com/v1, kind: Secret, data: {a: b}}", SecretKind::Other),
        ("{apiVersion: example.com/v1, kind: SealedSecret}", SecretKind::Other),
        ("{apiVersion: v1, kind: ConfigMap, data: {a: b}}", SecretKind::Other),
        ("[]", SecretKind::Other),
    ] {
        assert_eq!(kind(text), expected, "{text}");
    }
    let sops = format!("{{apiVersion: v1, kind: Secret, data: {{a: {enc}}}, sops: {{mac: x}}}}");
    assert_eq!(kind(&sops), SecretKind::SopsEncrypted);
    let stripped = format!("{{apiVersion: v1, kind: Secret, data: {{a: {enc}}}}}");
    assert_eq!(kind(&stripped), half("sops.mac"));
    let mixed = format!("{{apiVersion: v1, kind: Secret, data: {{a: {enc}, b: eA==}}}}");
    assert_eq!(kind(&mixed), half("data.b"));
}

#[test]
fn text_that_only_looks_encrypted_is_plain() {
    for value in [
        "ENC[AES256_GCM,data:hunter2!,iv:AA==,tag:AAAAAAAAAAAAAAAAAAAAAA==,type:str]",
        "ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:str]",
        "ENC[AES256_GCM,data:AA==,iv:AA==,tag:AAAAAAAAAAAAAAAAAAAAAA==,type:str] and more",
        "ENC[hunter2]",
    ] {
        let text = format!("{{apiVersion: v1, kind: Secret, stringData: {{a: '{value}'}}}}");
        assert_eq!(kind(&text), SecretKind::PlainSecret, "{value}");
    }
}

#[test]
fn a_list_is_as_its_worst_item() {
    let plain = "{apiVersion: v1, kind: Secret, data: {a: eA==}}";
    let list = format!("{{apiVersion: v1, kind: List, items: [{{kind: ConfigMap}}, {plain}]}}");
    assert_eq!(kind(&list), SecretKind::PlainSecret);
    let nested = format!("{{apiVersion: v1, kind: List, items: [{list}]}}");
    assert_eq!(kind(&nested), SecretKind::PlainSecret);
    let secrets = "{apiVersion: v1, kind: SecretList, items: [{stringData: {a: b}}]}";
    assert_eq!(kind(secrets), SecretKind::PlainSecret);
    let config_maps = "{apiVersion: v1, kind: ConfigMapList, items: [{data: {a: b}}]}";
    assert_eq!(kind(config_maps), SecretKind::Other);
    assert!(!is_encrypted(&yaml(&list)));
}
