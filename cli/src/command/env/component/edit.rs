//! A component put together of flags.

use std::path::PathBuf;

use clap::Args;
use gimlet_crds::{Component, ComponentChart, Values};
use serde_json::{Map, Value};

use crate::error::CommandError;
use crate::values;

/// What is said of a component.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct ComponentArgs {
    /// Name of the chart
    #[arg(long, value_name = "NAME")]
    chart: Option<String>,
    /// Repository of the chart (https://… or oci://…)
    #[arg(long, value_name = "URL")]
    repository: Option<String>,
    /// Version of the chart, or a range such as ~1.2
    #[arg(long, value_name = "VERSION")]
    chart_version: Option<String>,
    /// Namespace of the cluster that it is installed to
    #[arg(long, value_name = "NAME")]
    target_namespace: Option<String>,
    /// File with values for the chart, over those that are there; repeatable
    #[arg(long, value_name = "FILE")]
    values: Vec<PathBuf>,
    /// Value for the chart, such as replicas=3 or a.b=c; repeatable
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Like --set, but the value is always text
    #[arg(long, value_name = "PATH=VALUE")]
    set_string: Vec<String>,
}

impl ComponentArgs {
    /// Makes a component of what the catalogue offers and of the flags.
    pub(super) fn make(
        &self,
        name: &str,
        offer: Option<Component>,
    ) -> Result<Component, CommandError> {
        let said = |value: &Option<String>, known: Option<String>, flag: &str| {
            value.clone().or(known).ok_or_else(|| {
                CommandError::usage(format!("the catalogue has no {name}, and there is no --{flag}"))
                    .hint("gimlet env component list --catalogue; for other charts: --chart, --repository, --chart-version and --target-namespace")
            })
        };
        let known = offer.as_ref();
        let chart = known.map(|offer| offer.chart.clone());
        let of = |field: fn(&ComponentChart) -> &String| chart.as_ref().map(|c| field(c).clone());
        let mut component = Component {
            name: name.to_owned(),
            chart: ComponentChart {
                repository: said(&self.repository, of(|chart| &chart.repository), "repository")?,
                name: said(&self.chart, of(|chart| &chart.name), "chart")?,
                version: said(&self.chart_version, of(|chart| &chart.version), "chart-version")?,
            },
            namespace: said(
                &self.target_namespace,
                known.map(|offer| offer.namespace.clone()),
                "target-namespace",
            )?,
            values: offer.and_then(|offer| offer.values),
        };
        self.set_values(&mut component)?;
        Ok(component)
    }

    /// Changes what the flags say.
    pub(super) fn change(&self, component: &mut Component) -> Result<(), CommandError> {
        let fields = [
            (&mut component.chart.repository, &self.repository),
            (&mut component.chart.name, &self.chart),
            (&mut component.chart.version, &self.chart_version),
            (&mut component.namespace, &self.target_namespace),
        ];
        for (field, said) in fields {
            if let Some(said) = said {
                field.clone_from(said);
            }
        }
        self.set_values(component)
    }

    fn set_values(&self, component: &mut Component) -> Result<(), CommandError> {
        let mut merged: Map<String, Value> =
            component.values.take().map(|values| values.0).unwrap_or_default();
        for path in &self.values {
            let shown = path.display().to_string();
            let text = std::fs::read_to_string(path)
                .map_err(|error| CommandError::usage(format!("{shown} cannot be read: {error}")))?;
            values::merge(&mut merged, values::parse_file(&shown, &text)?);
        }
        for (assignments, typed) in [(&self.set, true), (&self.set_string, false)] {
            for assignment in assignments {
                values::set(&mut merged, assignment, typed)?;
            }
        }
        component.values = (!merged.is_empty()).then_some(Values(merged));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::catalogue;
    use super::*;

    #[test]
    fn flags_come_before_the_catalogue_and_values_are_merged() {
        let args = ComponentArgs {
            chart_version: Some("1.2.3".into()),
            set: vec!["crds.keep=true".into()],
            ..ComponentArgs::default()
        };
        let offer = catalogue::find("certificates").unwrap();
        let component = args.make("certificates", offer).unwrap();
        assert_eq!(component.chart.version, "1.2.3");
        assert_eq!(component.chart.name, "cert-manager");
        let values = component.values.unwrap().0;
        assert_eq!(
            (&values["crds"]["enabled"], &values["crds"]["keep"]),
            (&true.into(), &true.into())
        );
    }

    #[test]
    fn what_is_in_no_catalogue_has_to_be_said() {
        let error = ComponentArgs::default().make("redis", None).unwrap_err().styled();
        assert!(error.contains("--repository") && error.contains("--catalogue"), "{error}");
    }

    #[test]
    fn a_component_keeps_what_is_not_said() {
        let mut component = catalogue::find("ingress").unwrap().unwrap();
        let old = component.clone();
        ComponentArgs::default().change(&mut component).unwrap();
        assert_eq!(component, old);
        let args =
            ComponentArgs { target_namespace: Some("edge".into()), ..ComponentArgs::default() };
        args.change(&mut component).unwrap();
        assert_eq!((component.namespace.as_str(), component.chart), ("edge", old.chart));
    }
}
