import NIOCore

/// Takes the PROXY protocol on a listener: the addresses of the client come from a header that the load balancer in
/// front sends ahead of everything else, versions 1 and 2 (HAProxy's `doc/proxy-protocol.txt`).
///
/// ```swift
/// ProxyProtocol.accepted(from: ["10.0.0.0/24"])
/// ```
///
/// Who connects decides, never what is sent. A peer in one of the networks is trusted, and so is whoever may open a
/// Unix-domain socket. From everybody else nothing is read, and the connection is reset: a receiver may not guess whether
/// there is a header, and so a port is not shared by load balancers and clients (section 2). Clients that come without
/// a load balancer get a listener of their own.
///
/// What is refused counts in `middleware_proxy_protocol_refused_total`, by its reason.
public struct ProxyProtocol: Sendable {
    /// Whether a trusted peer has to send a header.
    public enum Requirement: Hashable, Sendable {
        /// A connection without a header is reset.
        case required
        /// A connection may begin without a header, and has the addresses of its socket then.
        ///
        /// Only for peers that always send a header for the connections of others, and that come without one merely for
        /// their own, such as health checks. Behind a peer that hands on what clients send as it came, any client can
        /// write a header, and with it any address.
        case optional
    }

    /// Whose headers are believed.
    public var trusted: [Network]
    /// How long a header may take, from the moment the connection is accepted. The specification wants 3 seconds at
    /// least, in which a lost packet is sent again.
    public var timeout: Duration
    /// Whether a header has to come.
    public var requirement: Requirement

    /// Believes headers from those networks.
    ///
    /// - Parameters:
    ///   - networks: the load balancers' own addresses, as narrow as can be: who is in them can take any address.
    ///   - timeout: how long a header may take; 5 seconds unless given.
    ///   - requirement: whether a header has to come; it has to unless given.
    public static func accepted(
        from networks: [Network],
        timeout: Duration = .seconds(5),
        requirement: Requirement = .required
    ) -> ProxyProtocol {
        ProxyProtocol(trusted: networks, timeout: timeout, requirement: requirement)
    }

    /// Whether that end of a socket may send a header.
    func trusts(_ peer: Peer) -> Bool {
        // By the near end: the far end of a connection that is already gone has no address either.
        if peer.local?.pathname != nil { return true }
        guard let remote = peer.remote else { return false }
        return trusted.contains { $0.contains(remote) }
    }

    func check(_ blueprint: inout Blueprint, listener: String) {
        let place = "has the listener \(listener), whose PROXY protocol"
        for network in trusted {
            let problem = network.problem ?? ""
            blueprint.require(
                network.problem == nil, "\(place) trusts \(network), which \(problem)", mend: "write it as 10.0.0.0/8")
            blueprint.require(
                network.prefix?.length != 0,
                "\(place) trusts \(network), so that every client can take any address",
                mend: "name the load balancers"
            )
        }
        blueprint.require(
            !trusted.isEmpty || listener.hasPrefix("unix:"),
            "\(place) trusts nobody, so that every connection is refused",
            mend: "name the load balancers"
        )
        blueprint.require(timeout > .zero, "\(place) has a time-out of \(timeout)", mend: "give 3 seconds or more")
    }
}
