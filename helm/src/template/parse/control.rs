//! Blocks and jumps parsed: `if`, `range`, `with`, `template`, `block`, `break`, `continue`.

use smol_str::SmolStr;

use super::{Parsed, Parser, Step};
use crate::template::ast::{Branch, Invocation, Node};
use crate::template::lex::Kind;

impl Parser<'_> {
    pub(super) fn jump(&mut self, shown: &str, node: Node) -> Parsed<Node> {
        let token = self.next_non_space();
        if token.kind != Kind::RightDelim {
            return self.unexpected(&token, shown);
        }
        if self.range_depth == 0 {
            return self.fail(format!("{shown} outside {{{{range}}}}"));
        }
        Ok(node)
    }

    pub(super) fn control(&mut self, context: &'static str) -> Parsed<Branch> {
        let vars = self.vars.len();
        let pipe = self.pipeline(context, Kind::RightDelim)?;
        let ranges = usize::from(context == "range");
        self.range_depth += ranges;
        let (body, end) = self.list()?;
        self.range_depth -= ranges;
        let mut otherwise = Vec::new();
        if matches!(end, Step::Else) {
            let next = self.peek().kind;
            if context == "if" && next == Kind::If {
                self.next();
                let inner = self.deeper(|parser| parser.control("if"))?;
                otherwise.push(Node::If(inner));
            } else if context == "with" && next == Kind::With {
                self.next();
                let inner = self.deeper(|parser| parser.control("with"))?;
                otherwise.push(Node::With(inner));
            } else {
                let (list, end) = self.list()?;
                if matches!(end, Step::Else) {
                    return self.fail(format!("expected end; found {}", end.shown()));
                }
                otherwise = list;
            }
        }
        self.vars.truncate(vars);
        Ok(Branch { pipe, body, otherwise })
    }

    pub(super) fn template_name(&mut self, context: &str) -> Parsed<(usize, SmolStr)> {
        let token = self.next_non_space();
        if !matches!(token.kind, Kind::String | Kind::RawString) {
            return self.unexpected(&token, context);
        }
        Ok((token.pos, self.text_literal(&token)?))
    }

    pub(super) fn block(&mut self) -> Parsed<Node> {
        let context = "block clause";
        let (pos, name) = self.template_name(context)?;
        let pipe = self.pipeline(context, Kind::RightDelim)?;
        let body = self.separate(|parser| parser.closed_list(context))?;
        self.add(name.clone(), body)?;
        Ok(Node::Template(Invocation { pos, name, pipe: Some(pipe) }))
    }

    pub(super) fn invocation(&mut self) -> Parsed<Node> {
        let context = "template clause";
        let (pos, name) = self.template_name(context)?;
        let mut pipe = None;
        if self.next_non_space().kind != Kind::RightDelim {
            self.backup();
            pipe = Some(self.pipeline(context, Kind::RightDelim)?);
        }
        Ok(Node::Template(Invocation { pos, name, pipe }))
    }
}
