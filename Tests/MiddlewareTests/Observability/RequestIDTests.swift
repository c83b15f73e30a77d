import HTTPTypes
import Logging
import Middleware
import Testing

@Suite("RequestID")
struct RequestIDTests {
    private let runtime = Runtime(time: FixedTime(), randomness: Sequence64([0xFEDC_BA98_7654_3210]))

    @Test("a request without an identifier gets a UUID of version 7, everywhere the same")
    func made() async throws {
        let context = RequestContext(runtime: runtime)
        let response = try await answer(RequestID(), Request(.get, "/"), context)
        // 784111777.25 s is 0xB690B435E2 ms; no microseconds; the chance without its last two bits, behind the variant.
        #expect(response.headers[.xRequestID] == "00b690b4-35e2-7000-bfb7-2ea61d950c84")
        #expect(response.headers[seen] == response.headers[.xRequestID])
        #expect(context[RequestIDKey.self] == response.headers[.xRequestID])
        #expect(context.logger[metadataKey: "request-id"] == .string("00b690b4-35e2-7000-bfb7-2ea61d950c84"))
    }

    @Test("identifiers differ by chance and sort by time")
    func order() {
        let first = RequestID.make(at: 1_000_000, chance: 7)
        #expect(first != RequestID.make(at: 1_000_000, chance: 70))
        #expect(first < RequestID.make(at: 1_000_500, chance: 0))
        #expect(RequestID.make(at: -1, chance: 0) == "00000000-0000-7000-8000-000000000000")
    }

    @Test(
        "a well-formed identifier is kept",
        arguments: [
            "a", "7b0c-11", "Root=1-67891233-abcdef012345678912345678", "YWJj+/==", String(repeating: "x", count: 128),
        ])
    func kept(id: String) async throws {
        let response = try await answer(RequestID(), request(id), RequestContext(runtime: runtime))
        #expect(response.headers[.xRequestID] == id)
        #expect(response.headers[seen] == id)
    }

    @Test(
        "another identifier is replaced",
        arguments: [
            "", "a b", "a\"b", "<a>", "a\\b", "a,b", "a;b", "a%0Ab", "ä", "a\u{7F}b", "$(id)",
            String(repeating: "x", count: 129),
        ])
    func replaced(id: String) async throws {
        let response = try await answer(RequestID(), request(id), RequestContext(runtime: runtime))
        #expect(response.headers[.xRequestID]?.hasPrefix("00b690b4-") == true)
        #expect(response.headers[values: seen].count == 1)
    }

    @Test("several identifiers are as bad as none")
    func several() async throws {
        var request = request("one")
        request.headers.append(.xRequestID, "two")
        let response = try await answer(RequestID(), request, RequestContext(runtime: runtime))
        #expect(response.headers[.xRequestID]?.hasPrefix("00b690b4-") == true)
    }

    @Test("incoming identifiers can be replaced always, and answers left alone")
    func customised() async throws {
        var configuration = RequestID.Configuration()
        configuration.field = HTTPField.Name("X-Trace")!
        configuration.incoming = .replace
        configuration.isEchoed = false
        configuration.metadataKey = nil
        let context = RequestContext(runtime: runtime)
        var request = Request(.get, "/")
        request.headers[configuration.field] = "theirs"
        let pipeline = Pipeline {
            RequestID(configuration)
            HandlerFunction { request, _ in
                #expect(request.headers[HTTPField.Name("X-Trace")!]?.hasPrefix("00b690b4-") == true)
                return Response(.ok)
            }
        }
        let response = try await pipeline.handle(request, context: context)
        #expect(response.headers.isEmpty)
        #expect(context.logger[metadataKey: "request-id"] == nil)
    }

    @Test("the origin's own identifier does not reach the client")
    func origin() async throws {
        let pipeline = Pipeline {
            RequestID()
            HandlerFunction { _, _ in
                var response = Response(.ok)
                response.headers[.xRequestID] = "origin"
                return response
            }
        }
        let response = try await pipeline.handle(request("mine"), context: RequestContext(runtime: runtime))
        #expect(response.headers[values: .xRequestID] == ["mine"])
    }

    @Test("an answer to a throw carries the identifier")
    func thrown() async throws {
        let pipeline = Pipeline {
            RequestID()
            HandlerFunction { _, _ in throw HTTPError(.conflict) }
        }
        let response = try await pipeline.handle(request("mine"), context: RequestContext(runtime: runtime))
        #expect(response.status == .conflict)
        #expect(response.headers[.xRequestID] == "mine")
    }

    @Test("bad values are reported and do not trap")
    func problems() async throws {
        var configuration = RequestID.Configuration()
        configuration.incoming = .keepWellFormed(maximumBytes: -1)
        configuration.field = .contentLength
        let middleware = RequestID(configuration)
        #expect(middleware.blueprint.validate().count == 2)
        _ = try await answer(middleware, request("x"), RequestContext(runtime: runtime))
        #expect(RequestID().blueprint.validate().isEmpty)
    }

    private let seen = HTTPField.Name("X-Seen")!

    private func request(_ id: String) -> Request {
        var request = Request(.get, "/")
        request.headers[.xRequestID] = id
        return request
    }

    /// The answer of a handler that repeats what it was sent.
    private func answer(
        _ middleware: RequestID, _ request: Request, _ context: RequestContext
    ) async throws -> Response {
        let pipeline = Pipeline {
            middleware
            HandlerFunction { request, _ in
                var response = Response(.ok)
                response.headers[values: HTTPField.Name("X-Seen")!] = request.headers[values: .xRequestID]
                return response
            }
        }
        return try await pipeline.handle(request, context: context)
    }
}
