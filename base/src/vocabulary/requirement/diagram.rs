//! Computes the size of the decision diagram that uv's parser would build for a marker. It builds a
//! smaller diagram over the same variables in the same order (uv-pep508, `Variable`), with numbers
//! in place of names and ranges, and stops at a limit.

use std::collections::BTreeMap;

use crate::vocabulary::limits::{Budget, Exceeded, MARKER_NODES, MARKER_TERMS, MARKER_VARIABLES};

/// So few clauses cannot make a large diagram.
const FEW: usize = 8;

/// The number of nodes of a marker's diagram, including intermediate ones. A string that is not a
/// marker has a size too, because uv's parser could process any part of it.
pub(super) fn size(text: &str) -> Result<u64, Exceeded> {
    let tokens = tokens(text);
    let variables = tokens.iter().filter_map(|token| match token {
        Token::Clause { variable, .. } => Some(variable),
        _ => None,
    });
    let clauses = variables.clone().count();
    if clauses <= FEW {
        return Ok(16 * clauses as u64);
    }
    let mut ranks: BTreeMap<&Variable, u32> = variables.map(|variable| (variable, 0)).collect();
    MARKER_VARIABLES.check(ranks.len())?;
    (0..).zip(ranks.values_mut()).for_each(|(rank, place)| *place = rank);
    let mut diagram = Diagram::new(ranks);
    let root = diagram.any(&mut tokens.iter().peekable())?;
    MARKER_TERMS.check(diagram.terms(root))?;
    Ok((diagram.nodes.len() + diagram.applied.len()) as u64)
}

/// What is asked of the environment, sorted as uv sorts it: strings, versions, membership, extras,
/// lists; then by key, comparison and value.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Variable {
    kind: u8,
    key: usize,
    comparison: &'static str,
    value: String,
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    And,
    Or,
    Clause { variable: Variable, negated: bool },
}

/// The keys in uv's order; what is not among them comes last.
const KEYS: [&str; 11] = [
    "os_name",
    "sys_platform",
    "platform_system",
    "platform_machine",
    "platform_python_implementation",
    "platform_release",
    "platform_version",
    "implementation_name",
    "implementation_version",
    "python_full_version",
    "python_version",
];

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut words: Vec<&str> = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '(' | ')' => 1,
            '\'' | '"' => rest[1..].find(first).map_or(rest.len(), |end| end + 2),
            _ if is_operator(first) => rest.find(|c| !is_operator(c)).unwrap_or(rest.len()),
            _ => rest.find(|c: char| ends_word(c)).unwrap_or(rest.len()).max(first.len_utf8()),
        };
        let (word, after) = rest.split_at(length);
        rest = after.trim_start();
        let token = match word {
            "(" => Token::Open,
            ")" => Token::Close,
            "and" => Token::And,
            "or" => Token::Or,
            _ => {
                words.push(word);
                continue;
            }
        };
        tokens.extend(clause(&std::mem::take(&mut words)));
        tokens.push(token);
    }
    tokens.extend(clause(&words));
    tokens
}

fn is_operator(c: char) -> bool {
    matches!(c, '<' | '=' | '>' | '~' | '!')
}

fn ends_word(c: char) -> bool {
    c.is_whitespace() || is_operator(c) || matches!(c, '(' | ')' | '\'' | '"')
}

/// `<value> <comparison> <value>`, where `not in` has two words.
fn clause(words: &[&str]) -> Option<Token> {
    let (first, last) = (words.first()?, words.last()?);
    let is_quoted = |word: &str| word.starts_with(['\'', '"']);
    let (key, value) = if is_quoted(first) { (last, first) } else { (first, last) };
    let is_membership = words.contains(&"in");
    let key = key.replace('.', "_");
    let place = KEYS.iter().position(|it| *it == key);
    let kind = match (place, is_membership) {
        (Some(place), false) => u8::from(place >= 8),
        (Some(_), true) => {
            if is_quoted(first) {
                3
            } else {
                2
            }
        }
        (None, _) if key == "extra" => 4,
        (None, _) => 5,
    };
    // Names of extras and groups are normalised (PEP 503).
    let mut value = value.trim_matches(['\'', '"']).to_owned();
    if kind > 3 {
        value = value.to_ascii_lowercase().replace(['_', '.'], "-");
    }
    let negations = [("!=", "=="), (">=", "<"), (">", "<="), ("not", "in")];
    let negation = negations.iter().find(|(it, _)| words.contains(it));
    let plain = ["==", "<", "<=", "in"].into_iter().find(|it| words.contains(it));
    let comparison = negation.map(|(_, plain)| *plain).or(plain).unwrap_or("~=");
    let variable = Variable { kind, key: place.unwrap_or(KEYS.len()), comparison, value };
    Some(Token::Clause { variable, negated: negation.is_some() })
}

/// A reduced ordered diagram. Nodes have numbers: 0 is false, 1 is true.
struct Diagram<'v> {
    ranks: BTreeMap<&'v Variable, u32>,
    nodes: Vec<Node>,
    numbers: BTreeMap<Node, u32>,
    applied: BTreeMap<(Operator, u32, u32), u32>,
    budget: Budget,
}

/// The rank of a variable, and where it leads if it is false or true.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Node {
    rank: u32,
    low: u32,
    high: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Operator {
    And,
    Or,
}

type Tokens<'t> = std::iter::Peekable<std::slice::Iter<'t, Token>>;

impl<'v> Diagram<'v> {
    fn new(ranks: BTreeMap<&'v Variable, u32>) -> Self {
        Self {
            ranks,
            nodes: vec![Node { rank: u32::MAX, low: 0, high: 0 }; 2],
            numbers: BTreeMap::new(),
            applied: BTreeMap::new(),
            budget: MARKER_NODES.budget(),
        }
    }

    /// `all or all or …`, and after it whatever else the text has.
    fn any(&mut self, tokens: &mut Tokens<'_>) -> Result<u32, Exceeded> {
        let mut root = self.all(tokens)?;
        while tokens.next_if_eq(&&Token::Or).is_some() {
            let next = self.all(tokens)?;
            root = self.apply(Operator::Or, root, next)?;
        }
        Ok(root)
    }

    fn all(&mut self, tokens: &mut Tokens<'_>) -> Result<u32, Exceeded> {
        let mut root = self.one(tokens)?;
        while tokens.next_if_eq(&&Token::And).is_some() {
            let next = self.one(tokens)?;
            root = self.apply(Operator::And, root, next)?;
        }
        Ok(root)
    }

    /// A clause or a parenthesis, whose depth was checked before.
    fn one(&mut self, tokens: &mut Tokens<'_>) -> Result<u32, Exceeded> {
        match tokens.peek() {
            Some(Token::Open) => {
                tokens.next();
                let root = self.any(tokens)?;
                tokens.next_if_eq(&&Token::Close);
                Ok(root)
            }
            Some(Token::Clause { variable, negated }) => {
                tokens.next();
                let rank = self.ranks[variable];
                let (low, high) = if *negated { (1, 0) } else { (0, 1) };
                self.node(Node { rank, low, high })
            }
            _ => Ok(1),
        }
    }

    fn node(&mut self, node: Node) -> Result<u32, Exceeded> {
        if node.low == node.high {
            return Ok(node.low);
        }
        if let Some(number) = self.numbers.get(&node) {
            return Ok(*number);
        }
        self.budget.spend(1_u64)?;
        let number = u32::try_from(self.nodes.len()).expect("the budget is smaller");
        self.nodes.push(node);
        self.numbers.insert(node, number);
        Ok(number)
    }

    fn apply(&mut self, operator: Operator, a: u32, b: u32) -> Result<u32, Exceeded> {
        let (neutral, absorbing) = match operator {
            Operator::And => (1, 0),
            Operator::Or => (0, 1),
        };
        if a == absorbing || b == absorbing {
            return Ok(absorbing);
        }
        if a == neutral || a == b {
            return Ok(b);
        }
        if b == neutral {
            return Ok(a);
        }
        let question = (operator, a.min(b), a.max(b));
        if let Some(known) = self.applied.get(&question) {
            return Ok(*known);
        }
        self.budget.spend(1_u64)?;
        let (left, right) = (self.nodes[a as usize], self.nodes[b as usize]);
        let rank = left.rank.min(right.rank);
        let below = |node: Node, number| {
            if node.rank == rank { (node.low, node.high) } else { (number, number) }
        };
        let ((a_low, a_high), (b_low, b_high)) = (below(left, a), below(right, b));
        let low = self.apply(operator, a_low, b_low)?;
        let high = self.apply(operator, a_high, b_high)?;
        let result = self.node(Node { rank, low, high })?;
        self.applied.insert(question, result);
        Ok(result)
    }

    /// How many terms the marker has, written as `(… and …) or (… and …)`.
    fn terms(&self, root: u32) -> u64 {
        let mut terms = vec![0_u64, 1];
        // A node is made after those that it leads to.
        for node in &self.nodes[2..] {
            terms.push(terms[node.low as usize].saturating_add(terms[node.high as usize]));
        }
        terms[root as usize]
    }
}
