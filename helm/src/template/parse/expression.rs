//! Pipelines and what they are made of.

use smol_str::SmolStr;

use super::{Parsed, Parser, VARIABLE_LIMIT};
use crate::octets;
use crate::print::quote;
use crate::template::ast::{Command, Expr, ExprKind, Number, Pipe};
use crate::template::lex::{Item, Kind};
use crate::template::literal::{parse_float, parse_int, parse_unsigned, unquote, unquote_bytes};

impl Parser<'_> {
    pub(super) fn pipeline(&mut self, context: &str, end: Kind) -> Parsed<Pipe> {
        let pos = self.peek_non_space().pos;
        let mut pipe = Pipe { pos, declared: Vec::new(), assigns: false, commands: Vec::new() };
        self.declarations(&mut pipe, context)?;
        loop {
            let token = self.next_non_space();
            match token.kind {
                kind if kind == end => {
                    self.check(&pipe, context)?;
                    return Ok(pipe);
                }
                Kind::Bool
                | Kind::CharConstant
                | Kind::Complex
                | Kind::Dot
                | Kind::Field
                | Kind::Identifier
                | Kind::Number
                | Kind::Nil
                | Kind::RawString
                | Kind::String
                | Kind::Variable
                | Kind::LeftParen => {
                    self.backup();
                    let command = self.command()?;
                    pipe.commands.push(command);
                }
                _ => return self.unexpected(&token, context),
            }
        }
    }

    fn declarations(&mut self, pipe: &mut Pipe, context: &str) -> Parsed<()> {
        loop {
            let variable = self.peek_non_space();
            if variable.kind != Kind::Variable {
                return Ok(());
            }
            self.next();
            let after = self.peek();
            let next = self.peek_non_space();
            match next.kind {
                Kind::Assign | Kind::Declare => {
                    pipe.assigns = next.kind == Kind::Assign;
                    self.next_non_space();
                    self.declare(pipe, &variable)?;
                    return Ok(());
                }
                Kind::Char if next.text == "," => {
                    self.next_non_space();
                    self.declare(pipe, &variable)?;
                    if context != "range" || pipe.declared.len() >= 2 {
                        return self.fail(format!("too many declarations in {context}"));
                    }
                    let follow = self.peek_non_space().kind;
                    if !matches!(follow, Kind::Variable | Kind::RightDelim | Kind::RightParen) {
                        return self.fail("range can only initialize variables");
                    }
                }
                _ if after.kind == Kind::Space => {
                    self.tokens[1] = after;
                    self.tokens[2] = variable;
                    self.peeked = 3;
                    return Ok(());
                }
                _ => {
                    self.backup_before(variable);
                    return Ok(());
                }
            }
        }
    }

    fn declare(&mut self, pipe: &mut Pipe, variable: &Item<'_>) -> Parsed<()> {
        if self.vars.len() >= VARIABLE_LIMIT {
            return self
                .exceeded(format!("{VARIABLE_LIMIT} variables, assign with = what is declared"));
        }
        let name = SmolStr::new(&variable.text);
        self.vars.push(name.clone());
        pipe.declared.push(name);
        Ok(())
    }

    fn check(&self, pipe: &Pipe, context: &str) -> Parsed<()> {
        if pipe.commands.is_empty() {
            return self.fail(format!("missing value for {context}"));
        }
        for (index, command) in pipe.commands.iter().enumerate().skip(1) {
            let constant = matches!(
                command.args.first().map(|arg| &arg.kind),
                Some(
                    ExprKind::Bool(_)
                        | ExprKind::Dot
                        | ExprKind::Nil
                        | ExprKind::Number(_)
                        | ExprKind::Text { .. }
                        | ExprKind::Raw { .. }
                )
            );
            if constant {
                let stage = index + 1;
                return self.fail(format!("non executable command in pipeline stage {stage}"));
            }
        }
        Ok(())
    }

    fn command(&mut self) -> Parsed<Command> {
        let pos = self.peek_non_space().pos;
        let mut args = Vec::new();
        loop {
            self.peek_non_space();
            if let Some(operand) = self.operand()? {
                args.push(operand);
            }
            let token = self.next();
            match token.kind {
                Kind::Space => continue,
                Kind::RightDelim | Kind::RightParen => self.backup(),
                Kind::Pipe => {}
                _ => return self.unexpected(&token, "operand"),
            }
            break;
        }
        if args.is_empty() {
            return self.fail("empty command");
        }
        Ok(Command { pos, args })
    }

    fn operand(&mut self) -> Parsed<Option<Expr>> {
        let Some(term) = self.term()? else { return Ok(None) };
        self.count()?;
        let next = self.peek();
        if next.kind != Kind::Field {
            return Ok(Some(term));
        }
        let mut fields = Vec::new();
        while self.peek().kind == Kind::Field {
            self.count()?;
            fields.push(SmolStr::from(&self.next().text[1..]));
        }
        let kind = match term.kind {
            ExprKind::Field(mut first) => {
                first.append(&mut fields);
                ExprKind::Field(first)
            }
            ExprKind::Variable(name, mut first) => {
                first.append(&mut fields);
                ExprKind::Variable(name, first)
            }
            kind @ (ExprKind::Bool(_)
            | ExprKind::Text { .. }
            | ExprKind::Raw { .. }
            | ExprKind::Number(_)
            | ExprKind::Nil
            | ExprKind::Dot) => {
                let shown = Expr { pos: term.pos, kind }.to_string();
                return self.fail(format!("unexpected . after term {}", quote(&shown)));
            }
            kind => ExprKind::Chain(Box::new(Expr { pos: term.pos, kind }), fields),
        };
        // Go places a chain at its first additional field.
        Ok(Some(Expr { pos: next.pos, kind }))
    }

    fn term(&mut self) -> Parsed<Option<Expr>> {
        let token = self.next_non_space();
        let kind = match token.kind {
            Kind::Identifier => match (self.functions)(&token.text) {
                Some(target) => ExprKind::Function(SmolStr::new(&token.text), target),
                None => return self.fail(format!("function {} not defined", quote(&token.text))),
            },
            Kind::Dot => ExprKind::Dot,
            Kind::Nil => ExprKind::Nil,
            Kind::Variable => match self.vars.iter().find(|name| ***name == *token.text) {
                Some(name) => ExprKind::Variable(name.clone(), Vec::new()),
                None => return self.fail(format!("undefined variable {}", quote(&token.text))),
            },
            Kind::Field => ExprKind::Field(vec![SmolStr::new(&token.text[1..])]),
            Kind::Bool => ExprKind::Bool(token.text == "true"),
            Kind::CharConstant | Kind::Complex | Kind::Number => {
                ExprKind::Number(self.number(&token)?)
            }
            Kind::LeftParen => ExprKind::Pipe(
                self.deeper(|parser| parser.pipeline("parenthesized pipeline", Kind::RightParen))?,
            ),
            Kind::String | Kind::RawString => {
                let literal = SmolStr::new(&token.text);
                let text = match token.kind {
                    Kind::String => octets::replaced(&token.text),
                    _ => token.text.to_string(),
                };
                match unquote_bytes(&text).map(String::from_utf8) {
                    Some(Ok(text)) if let Some(bytes) = octets::of_text(&text) => {
                        ExprKind::Raw { literal, value: bytes.into() }
                    }
                    Some(Ok(text)) => ExprKind::Text { literal, value: SmolStr::from(text) },
                    Some(Err(raw)) => ExprKind::Raw { literal, value: raw.into_bytes().into() },
                    None => return self.fail("invalid syntax"),
                }
            }
            _ => {
                self.backup();
                return Ok(None);
            }
        };
        Ok(Some(Expr { pos: token.pos, kind }))
    }

    fn number(&self, token: &Item<'_>) -> Parsed<Number> {
        let text = &*token.text;
        let literal = SmolStr::new(text);
        if token.kind == Kind::CharConstant {
            let Some(decoded) = unquote(text).filter(|decoded| !decoded.is_empty()) else {
                return self.fail("invalid syntax");
            };
            let mut symbols = decoded.chars();
            return match (symbols.next(), symbols.next()) {
                (Some(symbol), None) => {
                    let code = u32::from(symbol);
                    let (int, float) = (Some(i64::from(code)), Some(f64::from(code)));
                    Ok(Number { literal, int, float, is_char: true })
                }
                _ => self.fail(format!("malformed character constant: {text}")),
            };
        }
        if token.kind == Kind::Complex || text.ends_with('i') {
            return self.fail(format!("complex number {text} is not supported"));
        }
        let mut int = parse_int(text);
        #[expect(clippy::cast_precision_loss, reason = "Go converts the same way")]
        let float = match (int, parse_unsigned(text)) {
            (Some(value), _) => Some(value as f64),
            (None, Some(value)) => Some(value as f64),
            (None, None) => parse_float(text),
        };
        if int.is_none()
            && parse_unsigned(text).is_none()
            && !text.contains(['.', 'e', 'E', 'p', 'P'])
        {
            let problem =
                if float.is_some() { "integer overflow" } else { "illegal number syntax" };
            return self.fail(format!("{problem}: {}", quote(text)));
        }
        let Some(value) = float else {
            return self.fail(format!("illegal number syntax: {}", quote(text)));
        };
        if int.is_none() && value.fract() == 0.0 && value.abs() < 9.2e18 {
            #[expect(clippy::cast_possible_truncation, reason = "the range was checked")]
            let whole = value as i64;
            int = Some(whole);
        }
        Ok(Number { literal, int, float, is_char: false })
    }
}
