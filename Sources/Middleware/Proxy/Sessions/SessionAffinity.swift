/// Which requests belong to one session, so that a load balancer sends them to one endpoint.
///
/// Either the gateway names sessions itself, by a cookie that it gives out with the first answer, or something in the
/// requests names them:
///
/// - With a ``cookie(_:keys:whenGone:)`` the first request goes where the policy says, and its answer says in a cookie
///   where that was. The policy stays in charge of new sessions, so that load is spread as it would be without.
/// - With ``by(_:whenGone:)`` a session's endpoint follows from its name by a hash, and from the weights. The policy is
///   asked only for requests without a name.
///
/// No state is kept for sessions either way, so that nothing grows with their number, a restart loses none, and gateways
/// with the same endpoints and keys agree. That is why a name is hashed and not remembered: the price is that an endpoint
/// that joins takes its share of the sessions from the others, where a cookie leaves them. One that leaves disturbs none
/// but its own in both cases.
///
/// It does not protect what is in a session, and it must not be what an application relies on for its correctness:
/// endpoints fail. Hashing costs some ten instructions for each endpoint of the cluster, with each request that has a
/// name; a cookie costs one look-up, however many endpoints there are.
///
/// ## Example
/// ```swift
/// SessionAffinity.cookie("app-node", keys: [SessionAffinity.Key(secret)])
/// ```
/// Customised, with a cookie that ends with the day, a key that is being replaced, and no other endpoint than the one:
/// ```swift
/// var cookie = StickyCookie("__Host-app-node")
/// cookie.isSecure = true
/// cookie.maxAge = .seconds(86_400)
/// let keys = [SessionAffinity.Key(secret), SessionAffinity.Key(formerSecret)]
/// SessionAffinity.cookie(cookie, keys: keys, whenGone: .refuse)
/// ```
public struct SessionAffinity: Sendable {
    /// What becomes of a request whose endpoint cannot be chosen: it is ejected, drained, full, or no longer there.
    public enum WhenGone: Sendable {
        /// It goes to another endpoint. With a cookie the session stays there from then on; a session with a name goes
        /// back once its endpoint has returned.
        case redistribute
        /// It is answered with 503, for applications that would do harm without what is in the session. A cookie whose
        /// endpoint has left the cluster is taken back with that answer, so that the next request begins a new session.
        case refuse
    }

    /// A secret that cookies are signed with. At least 32 bytes.
    public struct Key: Sendable {
        let bytes: [UInt8]

        /// A key of random bytes.
        public init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

        /// The bytes of a text that holds enough chance, such as 64 hexadecimal digits of a secret store.
        public init(_ text: String) { self.init(text.utf8) }
    }

    enum Rule: Sendable {
        case cookie(StickyCookie, [Key])
        case key(BalancingKey)
    }

    let rule: Rule
    let whenGone: WhenGone

    /// Sessions of the gateway's own, named by a cookie.
    ///
    /// The cookie says which endpoint, in 22 letters that tell nothing about it and that nobody can make who lacks the
    /// key: the first 128 bits of HMAC-SHA-256 (RFC 2104 section 5) of the names of cluster and endpoint. It is set when
    /// the session begins, moves, or comes with a key that no longer signs. It is the gateway's alone: it does not reach
    /// the endpoint.
    ///
    /// - Parameters:
    ///   - cookie: its name, or name and attributes.
    ///   - keys: the first signs, all are accepted: a new key is put in front, and the old one is left out when its
    ///     cookies have ended.
    ///   - whenGone: ``WhenGone/redistribute`` unless given.
    public static func cookie(
        _ cookie: StickyCookie, keys: [Key], whenGone: WhenGone = .redistribute
    ) -> SessionAffinity {
        SessionAffinity(rule: .cookie(cookie, keys), whenGone: whenGone)
    }

    /// A session is what has the same part of a request in common: the client's address, a field that a middleware further
    /// out sets, the application's own cookie. Requests that lack it belong to none. Whoever may set it chooses which
    /// requests meet, and can send them all to one endpoint.
    public static func by(_ key: BalancingKey, whenGone: WhenGone = .redistribute) -> SessionAffinity {
        SessionAffinity(rule: .key(key), whenGone: whenGone)
    }

    /// Notes bad values, and what has to stand outside, in the blueprint of the part that it is used by.
    package func describe(in blueprint: inout Blueprint) {
        switch rule {
        case .key(let key):
            key.check(&blueprint)
        case .cookie(let cookie, let keys):
            cookie.check(in: &blueprint)
            blueprint.require(!keys.isEmpty, "signs session cookies with no key", mend: "give it one")
            for key in keys {
                // RFC 2104 section 3: a key shorter than the hash makes it weaker.
                blueprint.require(
                    key.bytes.count >= 32,
                    "signs session cookies with a key of \(key.bytes.count) bytes",
                    mend: "give 32 random bytes or more"
                )
            }
        }
    }
}

extension SessionAffinity.Key: CustomStringConvertible, CustomReflectable {
    /// How long it is, and nothing of what it is.
    public var description: String { "a key of \(bytes.count) bytes" }
    /// Nothing, so that no dump shows it.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
