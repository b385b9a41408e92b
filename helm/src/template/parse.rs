//! Templates parsed, with Go's error messages.

mod control;
mod expression;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use smol_str::SmolStr;

use super::ast::{Node, Template, is_blank};
use super::lex::{Item, Kind, Lexer};
use super::literal::unquote;
use crate::functions::Target;
use crate::print::quote;

/// Nesting of parentheses and control structures together.
const DEPTH_LIMIT: usize = 500;

/// Nodes and operands of a file.
const NODE_LIMIT: usize = 300_000;
/// Memory of a node or an operand, on average.
pub(crate) const NODE_BYTES: usize = 320;
/// Variables that can be seen at one place.
const VARIABLE_LIMIT: usize = 1000;

/// A template that cannot be parsed; the message carries file and line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    pub(crate) message: String,
    pub(crate) line: usize,
    /// Whether a limit was hit, as opposed to text that is no template.
    pub(crate) is_limit: bool,
}

type Parsed<T> = Result<T, SyntaxError>;

/// Parses a file; the file's own template comes last, after those it defines.
pub(crate) fn parse(
    file: &SmolStr,
    source: &Arc<str>,
    functions: &dyn Fn(&str) -> Option<Target>,
) -> Parsed<Vec<Arc<Template>>> {
    let eof = Item { kind: Kind::Eof, pos: 0, text: Cow::Borrowed(""), line: 1 };
    let mut parser = Parser {
        file,
        lexer: Lexer::new(source),
        tokens: [eof.clone(), eof.clone(), eof],
        peeked: 0,
        functions,
        source,
        done: Vec::new(),
        known: HashMap::new(),
        nodes: 0,
        counted: 0,
        vars: vec![SmolStr::new_static("$")],
        action_line: None,
        range_depth: 0,
        depth: 0,
    };
    parser.file()?;
    Ok(parser.done)
}

/// A node, or the end of a list of nodes.
enum Step {
    Node(Node),
    End,
    Else,
}

impl Step {
    fn shown(&self) -> &'static str {
        if matches!(self, Self::Else) { "{{else}}" } else { "{{end}}" }
    }
}

struct Parser<'a> {
    file: &'a SmolStr,
    lexer: Lexer<'a>,
    /// Tokens read ahead, the latest first.
    tokens: [Item<'a>; 3],
    peeked: usize,
    functions: &'a dyn Fn(&str) -> Option<Target>,
    source: &'a Arc<str>,
    done: Vec<Arc<Template>>,
    /// Where in the list of those done a name is.
    known: HashMap<SmolStr, usize>,
    /// Nodes so far, and how many of them belong to templates that are done.
    nodes: usize,
    counted: usize,
    vars: Vec<SmolStr>,
    action_line: Option<usize>,
    range_depth: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn fail<T>(&self, message: impl AsRef<str>) -> Parsed<T> {
        let line = self.tokens[0].line;
        let message = format!("template: {}:{line}: {}", self.file, message.as_ref());
        Err(SyntaxError { message, line, is_limit: false })
    }

    fn exceeded<T>(&self, limit: impl AsRef<str>) -> Parsed<T> {
        let result = self.fail(format!("exceeded the limit of {}", limit.as_ref()));
        result.map_err(|error| SyntaxError { is_limit: true, ..error })
    }

    fn next(&mut self) -> Item<'a> {
        if self.peeked > 0 {
            self.peeked -= 1;
        } else {
            self.tokens[0] = self.lexer.next_item();
        }
        self.tokens[self.peeked].clone()
    }

    fn backup(&mut self) {
        self.peeked += 1;
    }

    /// Puts a token back in front of the one just peeked at.
    fn backup_before(&mut self, token: Item<'a>) {
        self.tokens[1] = token;
        self.peeked = 2;
    }

    fn peek(&mut self) -> Item<'a> {
        if self.peeked == 0 {
            self.tokens[0] = self.lexer.next_item();
            self.peeked = 1;
        }
        self.tokens[self.peeked - 1].clone()
    }

    fn next_non_space(&mut self) -> Item<'a> {
        loop {
            let token = self.next();
            if token.kind != Kind::Space {
                return token;
            }
        }
    }

    fn peek_non_space(&mut self) -> Item<'a> {
        let token = self.next_non_space();
        self.backup();
        token
    }

    fn unexpected<T>(&self, token: &Item<'_>, context: &str) -> Parsed<T> {
        if token.kind == Kind::Error {
            let extra = match self.action_line {
                Some(line) if line != token.line => {
                    let place = format!("started at {}:{line}", self.file);
                    // Not "action in action".
                    let lead = if token.text.ends_with(" action") { " " } else { " in action " };
                    format!("{lead}{place}")
                }
                _ => String::new(),
            };
            return self.fail(format!("{}{extra}", token.text));
        }
        self.fail(format!("unexpected {} in {context}", token.shown()))
    }

    fn expect(&mut self, kind: Kind, context: &str) -> Parsed<Item<'a>> {
        let token = self.next_non_space();
        if token.kind == kind { Ok(token) } else { self.unexpected(&token, context) }
    }

    fn deeper<T>(&mut self, run: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.depth += 1;
        if self.depth > DEPTH_LIMIT {
            return self.fail("max expression depth exceeded");
        }
        let result = run(self);
        self.depth -= 1;
        result
    }

    /// Counts a node or an operand.
    fn count(&mut self) -> Parsed<()> {
        self.nodes += 1;
        if self.nodes > NODE_LIMIT {
            return self.exceeded(format!("{NODE_LIMIT} nodes, split the template"));
        }
        Ok(())
    }

    fn file(&mut self) -> Parsed<()> {
        let mut body = Vec::new();
        loop {
            let token = self.peek();
            match token.kind {
                Kind::Eof => break,
                Kind::LeftDelim => {
                    let delimiter = self.next();
                    if self.next_non_space().kind == Kind::Define {
                        self.definition()?;
                        continue;
                    }
                    self.backup_before(delimiter);
                }
                _ => {}
            }
            match self.text_or_action()? {
                Step::Node(node) => body.push(node),
                other => return self.fail(format!("unexpected {}", other.shown())),
            }
        }
        let name = self.file.clone();
        self.add(name, body)
    }

    fn add(&mut self, name: SmolStr, body: Vec<Node>) -> Parsed<()> {
        let blank = is_blank(&body);
        let known = self.known.get(&name).copied();
        let nodes = self.nodes - std::mem::replace(&mut self.counted, self.nodes);
        let template = Arc::new(Template {
            name,
            nodes,
            file: self.file.clone(),
            source: Arc::clone(self.source),
            body,
        });
        match known {
            None => {
                self.known.insert(template.name.clone(), self.done.len());
                self.done.push(template);
            }
            Some(index) if self.done[index].is_blank() => self.done[index] = template,
            Some(_) if blank => {}
            Some(_) => {
                let name = quote(&template.name);
                return self.fail(format!("template: multiple definition of template {name}"));
            }
        }
        Ok(())
    }

    /// Parses with the variables of a template of its own.
    fn separate<T>(&mut self, run: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        let vars = std::mem::replace(&mut self.vars, vec![SmolStr::new_static("$")]);
        let range_depth = std::mem::take(&mut self.range_depth);
        let action_line = self.action_line.take();
        let result = run(self);
        self.vars = vars;
        self.range_depth = range_depth;
        self.action_line = action_line;
        result
    }

    fn definition(&mut self) -> Parsed<()> {
        let context = "define clause";
        self.separate(|parser| {
            let token = parser.next_non_space();
            if !matches!(token.kind, Kind::String | Kind::RawString) {
                return parser.unexpected(&token, context);
            }
            let name = parser.text_literal(&token)?;
            parser.expect(Kind::RightDelim, context)?;
            let body = parser.closed_list(context)?;
            parser.add(name, body)
        })
    }

    fn closed_list(&mut self, context: &str) -> Parsed<Vec<Node>> {
        let (body, end) = self.list()?;
        if matches!(end, Step::Else) {
            return self.fail(format!("unexpected {} in {context}", end.shown()));
        }
        Ok(body)
    }

    fn text_literal(&self, token: &Item<'_>) -> Parsed<SmolStr> {
        match unquote(&token.text) {
            Some(text) => Ok(SmolStr::from(text)),
            None => self.fail("invalid syntax"),
        }
    }

    fn list(&mut self) -> Parsed<(Vec<Node>, Step)> {
        self.deeper(|parser| {
            let mut body = Vec::new();
            while parser.peek_non_space().kind != Kind::Eof {
                match parser.text_or_action()? {
                    Step::Node(node) => body.push(node),
                    end => return Ok((body, end)),
                }
            }
            parser.fail("unexpected EOF")
        })
    }

    fn text_or_action(&mut self) -> Parsed<Step> {
        self.count()?;
        let token = self.next_non_space();
        match token.kind {
            Kind::Text => Ok(Step::Node(Node::Text(Box::from(&*token.text)))),
            Kind::LeftDelim => {
                self.action_line = Some(token.line);
                let step = self.action();
                self.action_line = None;
                step
            }
            _ => self.unexpected(&token, "input"),
        }
    }

    fn action(&mut self) -> Parsed<Step> {
        let token = self.next_non_space();
        let node = match token.kind {
            Kind::Block => self.block()?,
            Kind::Break => self.jump("{{break}}", Node::Break)?,
            Kind::Continue => self.jump("{{continue}}", Node::Continue)?,
            Kind::Else => {
                // "else if" and "else with" are left for the control structure to see.
                if !matches!(self.peek_non_space().kind, Kind::If | Kind::With) {
                    self.expect(Kind::RightDelim, "else")?;
                }
                return Ok(Step::Else);
            }
            Kind::End => {
                self.expect(Kind::RightDelim, "end")?;
                return Ok(Step::End);
            }
            Kind::If => Node::If(self.control("if")?),
            Kind::Range => Node::Range(self.control("range")?),
            Kind::With => Node::With(self.control("with")?),
            Kind::Template => self.invocation()?,
            _ => {
                self.backup();
                Node::Action(self.pipeline("command", Kind::RightDelim)?)
            }
        };
        Ok(Step::Node(node))
    }
}
