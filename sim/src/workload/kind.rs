//! What the oracle knows of each command in the workload: whether it writes, its keys, and how its
//! reply is made of its parts' replies. A table of its own: it checks the proxy's.

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It reads keys.
    Read,
    /// It changes keys.
    Write,
    /// It has no keys, and the proxy answers it; or it is about a transaction, whose commands are
    /// judged each for itself.
    Local,
}

/// Where its keys are, and what becomes of the replies if they are on several nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One key, the first argument, or none.
    Single,
    /// Every argument is a key; an array with an element a key.
    Positions,
    /// Every argument is a key; the sum of the integers.
    Sum,
    /// Keys and values in turn; `OK` once all parts are.
    Pairs,
}

/// One kind of command.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// Its name, in upper case.
    pub name: &'static str,
    /// What it does.
    pub effect: Effect,
    /// Its keys and its reply.
    pub shape: Shape,
}

const fn kind(name: &'static str, effect: Effect, shape: Shape) -> Kind {
    Kind { name, effect, shape }
}

/// All kinds, in the order of their names.
pub static KINDS: [Kind; 43] = [
    kind("APPEND", Effect::Write, Shape::Single),
    kind("BLPOP", Effect::Write, Shape::Single),
    kind("DECR", Effect::Write, Shape::Single),
    kind("DEL", Effect::Write, Shape::Sum),
    kind("ECHO", Effect::Local, Shape::Single),
    kind("EXEC", Effect::Local, Shape::Single),
    kind("EXISTS", Effect::Read, Shape::Sum),
    kind("GET", Effect::Read, Shape::Single),
    kind("GETRANGE", Effect::Read, Shape::Single),
    kind("GETSET", Effect::Write, Shape::Single),
    kind("HDEL", Effect::Write, Shape::Single),
    kind("HGETALL", Effect::Read, Shape::Single),
    kind("HINCRBY", Effect::Write, Shape::Single),
    kind("HMGET", Effect::Read, Shape::Single),
    kind("HSET", Effect::Write, Shape::Single),
    kind("INCR", Effect::Write, Shape::Single),
    kind("INCRBY", Effect::Write, Shape::Single),
    kind("LLEN", Effect::Read, Shape::Single),
    kind("LPOP", Effect::Write, Shape::Single),
    kind("LPUSH", Effect::Write, Shape::Single),
    kind("LRANGE", Effect::Read, Shape::Single),
    kind("MGET", Effect::Read, Shape::Positions),
    kind("MSET", Effect::Write, Shape::Pairs),
    kind("MULTI", Effect::Local, Shape::Single),
    kind("PING", Effect::Local, Shape::Single),
    kind("RPUSH", Effect::Write, Shape::Single),
    kind("SADD", Effect::Write, Shape::Single),
    kind("SCARD", Effect::Read, Shape::Single),
    kind("SET", Effect::Write, Shape::Single),
    kind("SETNX", Effect::Write, Shape::Single),
    kind("SISMEMBER", Effect::Read, Shape::Single),
    kind("SREM", Effect::Write, Shape::Single),
    kind("STRLEN", Effect::Read, Shape::Single),
    kind("TOUCH", Effect::Read, Shape::Sum),
    kind("TYPE", Effect::Read, Shape::Single),
    kind("UNLINK", Effect::Write, Shape::Sum),
    kind("WAIT", Effect::Local, Shape::Single),
    kind("WATCH", Effect::Local, Shape::Single),
    kind("ZADD", Effect::Write, Shape::Single),
    kind("ZCARD", Effect::Read, Shape::Single),
    kind("ZINCRBY", Effect::Write, Shape::Single),
    kind("ZRANGE", Effect::Read, Shape::Single),
    kind("ZSCORE", Effect::Read, Shape::Single),
];

impl Kind {
    /// The kind of a command; `None` if the workload has no such command.
    #[must_use]
    pub fn of<A: AsRef<[u8]>>(args: &[A]) -> Option<&'static Kind> {
        let name = args.first()?.as_ref();
        let place = KINDS.binary_search_by(|kind| {
            kind.name.bytes().cmp(name.iter().map(u8::to_ascii_uppercase))
        });
        place.ok().map(|place| &KINDS[place])
    }

    /// The keys among the arguments.
    pub fn keys<'a, A: AsRef<[u8]>>(&self, args: &'a [A]) -> impl Iterator<Item = &'a [u8]> {
        let (step, count) = match (self.effect, self.shape) {
            (Effect::Local, _) => (1, 0),
            (_, Shape::Single) => (1, 1),
            (_, Shape::Positions | Shape::Sum) => (1, usize::MAX),
            (_, Shape::Pairs) => (2, usize::MAX),
        };
        args.iter().skip(1).step_by(step).take(count).map(AsRef::as_ref)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(args: &[&'static str]) -> Vec<String> {
        let keys = Kind::of(args).unwrap().keys(args);
        keys.map(|key| String::from_utf8(key.to_vec()).unwrap()).collect()
    }

    #[test]
    fn keys_are_found_by_shape() {
        assert_eq!(keys(&["set", "a", "1"]), ["a"]);
        assert_eq!(keys(&["MGET", "a", "b"]), ["a", "b"]);
        assert_eq!(keys(&["MSET", "a", "1", "b", "2"]), ["a", "b"]);
        assert!(keys(&["ECHO", "a"]).is_empty());
        assert_eq!(Kind::of(&["FLUSHALL"]), None);
    }
}
