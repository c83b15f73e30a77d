import HTTPTypes
import Testing

@testable import Middleware

/// The code of `Documentation/ProxyProtocol.md`, checked as a composition besides.
@Suite("The examples of the PROXY protocol")
struct ProxyProtocolExamples {
    private func behindBalancer() -> Listener {
        // snippet: proxy-protocol-default
        let listener = Listener.http(port: 8080, proxyProtocol: .accepted(from: ["10.0.0.0/24"]))
        // end
        return listener
    }

    private func customised() -> [Listener] {
        // snippet: proxy-protocol-customised
        let balancers = ProxyProtocol.accepted(
            from: ["10.0.0.10", "10.0.0.11", "2001:db8:7::/64"],
            timeout: .seconds(3),
            requirement: .optional)  // their health checks come without a header
        let listeners: [Listener] = [
            .http(port: 8080, proxyProtocol: balancers),
            .unix("/run/edge.sock", proxyProtocol: .accepted(from: [])),  // whoever may open the file
            .http(host: "127.0.0.1", port: 8081),  // everybody else: without headers
        ]
        // end
        return listeners
    }

    // snippet: proxy-protocol-read
    /// Lets in only those whose certificate the load balancer has verified.
    struct VerifiedOnly: HeadMiddleware {
        func before(_ request: inout Request, context: RequestContext) -> Response? {
            let tls = context.peer.proxied?.header.attributes.tls
            return tls?.isVerified == true ? nil : Response(.forbidden)
        }
    }
    // end

    // snippet: proxy-protocol-write
    /// Says to the next hop who the client is, ahead of everything else.
    func announce(_ context: RequestContext, on outbound: Connection.Outbound) async throws {
        var header = ProxyHeader(context.peer)
        header.attributes.authority = context[ServerNameKey.self]
        try await outbound.write(header.bytes(.binary, hasChecksum: true))
    }
    // end

    private func routed(_ site: any ConnectionHandler, _ mail: any ConnectionHandler) -> SNIRouter {
        // snippet: sni-default
        let router = SNIRouter {
            SNIRoute("example.com", "*.example.com") { site }
            SNIRoute("mail.example.org") { mail }
        }
        // end
        return router
    }

    private func listening(
        _ tenants: [(name: String, proxy: any ConnectionHandler)], _ fallback: any ConnectionHandler
    ) -> Listener {
        // snippet: sni-customised
        let listener = Listener.tcp(port: 8443, proxyProtocol: .accepted(from: ["10.0.0.0/24"])) {
            SNIRouter(timeout: .seconds(3)) {
                for tenant in tenants {
                    SNIRoute("\(tenant.name).example.com") { tenant.proxy }
                }
                SNIRoute("*") { fallback }  // other names, and clients without any
            }
        }
        // end
        return listener
    }

    /// A handler that closes.
    private struct Nobody: ConnectionHandler {
        func handle(_ connection: consuming Connection, context: RequestContext) async throws {}
    }

    @Test("the examples are sound")
    func sound() {
        var blueprint = Blueprint("Server")
        let tcp = listening([("a", Nobody()), ("b", Nobody())], Nobody())
        for listener in [behindBalancer(), tcp] + customised() { listener.check(&blueprint) }
        #expect(blueprint.problems == [])
        #expect(routed(Nobody(), Nobody()).blueprint.validate() == [])
    }
}
