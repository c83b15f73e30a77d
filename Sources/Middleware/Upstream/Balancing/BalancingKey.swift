public import HTTPTypes

/// The part of a request that decides where it goes, so that equal requests go to the same endpoint.
///
/// ```swift
/// Cluster("cache", endpoints: origins, balancing: .ringHash(by: .path))
/// Cluster("app", endpoints: origins, balancing: .maglev(by: .header(.authorization), bound: LoadBound()))
/// let tenant = BalancingKey.custom { _, context in context[TenantKey.self] }
/// Cluster("shop", endpoints: origins, balancing: .rendezvous(by: tenant))
/// ```
///
/// A request that lacks it, or has it empty, goes where chance sends it: those without a session are no session of
/// their own.
///
/// The hash is the same on every machine and in every process, so that several gateways agree. It is no secret: clients
/// that choose a key, such as a header, can choose the endpoint too. ``LoadBound`` keeps them from overloading it.
public struct BalancingKey: Sendable {
    enum Rule: Sendable {
        case clientAddress
        case header(lowercase: [UInt8], KnownField)
        case cookie(name: [UInt8])
        case query(name: [UInt8])
        case path
        case target
        case host
        case custom(@Sendable (Request, RequestContext) -> String?)
    }

    let rule: Rule

    /// The client's address: an IPv4 address as a whole, of an IPv6 address the network of its first 64 bits, within
    /// which a client changes its address as it likes (RFC 8981). A request that came over a Unix-domain socket has none.
    public static var clientAddress: BalancingKey { BalancingKey(rule: .clientAddress) }

    /// The value of the first field of that name, as it stands. `Host` is ``host``.
    public static func header(_ name: HTTPField.Name) -> BalancingKey {
        let lowercase = Array(name.canonicalName.utf8)
        let known = KnownField(name: lowercase.span)
        return BalancingKey(rule: known == .host ? .host : .header(lowercase: lowercase, known))
    }

    /// The value of the first cookie of that name, as it stands (RFC 6265 section 4.2.1).
    public static func cookie(_ name: String) -> BalancingKey { BalancingKey(rule: .cookie(name: Array(name.utf8))) }

    /// The value of the first item of the query that has this name. Escapes of the name are decoded; the value is taken
    /// as it was spelled.
    public static func query(_ name: String) -> BalancingKey { BalancingKey(rule: .query(name: Array(name.utf8))) }

    /// The normalised path, without the query.
    public static var path: BalancingKey { BalancingKey(rule: .path) }

    /// Path and query.
    public static var target: BalancingKey { BalancingKey(rule: .target) }

    /// The host that the client asks for, in lower case and without the port.
    public static var host: BalancingKey { BalancingKey(rule: .host) }

    /// Text of one's own; `nil` for a request that has none. Called on the event loop of the request.
    public static func custom(
        _ text: @escaping @Sendable (Request, RequestContext) -> String?
    ) -> BalancingKey {
        BalancingKey(rule: .custom(text))
    }

    /// Notes a bad value, and what it needs from outside, in the blueprint of the part that uses it.
    public func check(_ blueprint: inout Blueprint) {
        switch rule {
        case .clientAddress:
            blueprint.placement.follows.insert("client address")
        case .cookie(let name):
            blueprint.require(
                FieldGrammar.isToken(name.span),
                "balances by a cookie named \(String(decoding: name, as: UTF8.self).debugDescription)",
                mend: "give a name of letters, digits and the marks that a token may have")
        case .query(let name):
            blueprint.require(!name.isEmpty, "balances by a query item without a name", mend: "name the item")
        case .header, .path, .target, .host, .custom:
            break
        }
    }
}
