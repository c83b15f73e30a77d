import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Synchronization
import Testing

@Suite("HandlerConformance")
struct HandlerConformanceTests {
    typealias Rule = HandlerConformance.Rule

    /// Keeps what a handler should have let go of. Unchecked because each test has one of its own, on one loop.
    final class Hoard: @unchecked Sendable {
        var things: [Any] = []
    }

    private func violated(_ handler: any Handler, patience: Duration = .seconds(10)) async -> Set<Rule> {
        let violations = await HandlerConformance(TestClient(handler), patience: patience).check()
        return Set(violations.compactMap { Rule(rawValue: $0.rule) })
    }

    @Test("handlers without faults pass")
    func sound() async {
        let handlers: [any Handler] = [
            HandlerFunction { _, _ in Response(.ok, body: .text("hello")) },
            HandlerFunction { request, _ in Response(.ok, body: .bytes(try await request.body.collect(upTo: 100))) },
            HandlerFunction { request, _ in Response(.ok, body: request.body) },
            HandlerFunction { _, _ in throw HTTPError(.gone) },
            HandlerFunction { _, _ in Response(.ok, body: .stream(ScriptedSource([.bytes("a"), .bytes("b")]))) },
            Pipeline {
                RequestID()
                HandlerFunction { _, _ in Response(.ok) }
            },
        ]
        for handler in handlers { #expect(await violated(handler).isEmpty) }
    }

    @Test("a bad composition is found")
    func composition() async {
        struct Bad: Handler {
            var blueprint: Blueprint { Blueprint("Bad", placement: Placement(requires: ["x"])) }
            func handle(_ request: consuming Request, context: RequestContext) async throws -> Response {
                Response(.ok)
            }
        }
        #expect(await violated(Bad()) == [.isComposed])
    }

    @Test("a cancellation out of nowhere is found")
    func cancellation() async {
        #expect(await violated(HandlerFunction { _, _ in throw CancellationError() }) == [.answers, .answersHead])
    }

    @Test("a handler that hangs, and cannot be cancelled, is found")
    func hanging() async {
        let handler = HandlerFunction { _, _ in
            await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }
            return Response(.ok)
        }
        #expect(
            await violated(handler, patience: .milliseconds(200)).isSuperset(of: [
                .answers, .answersHead, .endsWhenCancelled,
            ]))
    }

    @Test("a body that comes to no end and is not live is found, one that is live is not")
    func endless() async {
        func handler(isLive: Bool) -> HandlerFunction {
            HandlerFunction { _, _ in
                var body = Body.stream(ScriptedSource([.bytes("a"), .hang]))
                body.isLive = isLive
                return Response(.ok, body: body)
            }
        }
        #expect(await violated(handler(isLive: false), patience: .milliseconds(200)).contains(.answers))
        #expect(await violated(handler(isLive: true)).isEmpty)
    }

    @Test("a request's body that is kept is found")
    func keptRequest() async {
        let hoard = Hoard()
        let handler = HandlerFunction { request, _ in
            hoard.things.append(request.body)
            return Response(.ok)
        }
        #expect(await violated(handler) == [.releasesTheRequestBody])
    }

    @Test("a context that is kept is found")
    func keptContext() async {
        let hoard = Hoard()
        let handler = HandlerFunction { _, context in
            hoard.things.append(context)
            return Response(.ok)
        }
        #expect(await violated(handler) == [.keepsNoContext])
    }

    @Test("a response's source that is kept is found")
    func keptResponse() async {
        let hoard = Hoard()
        let handler = HandlerFunction { _, _ in
            let source = ScriptedSource([.bytes("a")])
            hoard.things.append(source)
            return Response(.ok, body: .stream(source))
        }
        #expect(await violated(handler) == [.releasesTheResponse])
    }
}
