//! Which templates can be called by name.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use smol_str::SmolStr;

use super::ast::Template;

/// Templates by name; a `tpl` call works in a scope of its own above the current one.
#[derive(Default)]
pub(crate) struct Scope {
    templates: RefCell<HashMap<SmolStr, Arc<Template>>>,
    parent: Option<Rc<Self>>,
}

impl Scope {
    pub(crate) fn below(parent: &Rc<Self>) -> Self {
        Self { templates: RefCell::default(), parent: Some(Rc::clone(parent)) }
    }

    pub(crate) fn get(&self, name: &str) -> Option<Arc<Template>> {
        let mut scope = Some(self);
        while let Some(current) = scope {
            if let Some(found) = current.templates.borrow().get(name) {
                return Some(Arc::clone(found));
            }
            scope = current.parent.as_deref();
        }
        None
    }

    /// Adds templates; a blank one never replaces another.
    pub(crate) fn add(&self, templates: &[Arc<Template>]) {
        for template in templates {
            if template.is_blank() && self.get(&template.name).is_some() {
                continue;
            }
            self.templates.borrow_mut().insert(template.name.clone(), Arc::clone(template));
        }
    }
}
