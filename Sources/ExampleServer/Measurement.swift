import ArgumentParser
import HTTPTypes
import Middleware
import NIOCore

/// Hidden options that give the gateway the shapes which `Tests/Benchmarks` compares.
struct Measurement: ParsableArguments {
    @Flag(name: .customLong("static"), help: "Answer from memory instead of forwarding.")
    var isStatic = false

    @Option(
        name: .customLong("pass-through"),
        help: ArgumentHelp("Head middlewares that do nothing.", valueName: "N"),
        transform: { try Int(layers: $0) }
    )
    var heads = 0

    @Option(
        name: .customLong("awaiting"),
        help: ArgumentHelp("Awaiting middlewares that do nothing, inside the others.", valueName: "N"),
        transform: { try Int(layers: $0) }
    )
    var awaiting = 0

    func validate(upstreams: Int) throws {
        if isStatic, upstreams > 0 {
            throw ValidationError("'--static' forwards nothing, leave out '--upstream'")
        }
        if !isStatic, upstreams == 0, heads + awaiting > 0 {
            throw ValidationError("'--pass-through' and '--awaiting' need '--upstream' or '--static', give one")
        }
    }

    /// The answer from memory, when it is asked for.
    var answer: (any Handler)? { isStatic ? StaticAnswer() : nil }

    /// The middlewares that do nothing, outermost first.
    var layers: [any Middleware] {
        Array(repeating: PassThrough(), count: heads) + Array(repeating: AwaitingPassThrough(), count: awaiting)
    }
}

private struct PassThrough: HeadMiddleware {
    func before(_ request: inout Request, context: RequestContext) -> Response? { nil }
}

private struct AwaitingPassThrough: Middleware {
    func handle(_ request: consuming Request, context: RequestContext, next: some Handler) async throws -> Response {
        try await next.handle(request, context: context)
    }
}

/// 104 bytes of JSON.
private struct StaticAnswer: Handler {
    private let body = ByteBuffer(
        string: """
            {"message":"an answer of one hundred and four bytes, made once and given to everybody who comes asking"}
            """
    )

    func handle(_ request: consuming Request, context: RequestContext) async throws -> Response {
        var response = Response(.ok, body: .bytes(body))
        response.headers[.contentType] = "application/json"
        return response
    }
}
