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

    @Option(
        name: .customLong("layer"),
        help: ArgumentHelp(
            "A head middleware of the library, inside those that do nothing; repeatable.", valueName: "NAME")
    )
    var pieces: [Piece] = []

    @Option(
        name: .customLong("networks"),
        help: ArgumentHelp("Deny that many networks, none of which is the client's.", valueName: "N"),
        transform: { try Int(count: $0) }
    )
    var networks: Int?

    @Option(
        name: .customLong("routes"),
        help: ArgumentHelp(
            "Answer from memory behind that many routes, /service-0/items/list and so on.", valueName: "N"),
        transform: { try Int(count: $0) }
    )
    var routes: Int?

    @Flag(name: .customLong("parameters"), help: "Routes with two parameters, /service-0/{item}/{part} and so on.")
    var hasParameters = false

    func validate(upstreams: Int) throws {
        if isStatic, upstreams > 0 {
            throw ValidationError("'--static' forwards nothing, leave out '--upstream'")
        }
        if !isStatic, upstreams == 0, !layers.isEmpty {
            throw ValidationError("layers to measure need '--upstream' or '--static', give one")
        }
        if !isStatic, routes != nil || hasParameters {
            throw ValidationError("'--routes' and '--parameters' need '--static', give it")
        }
    }

    /// The answer from memory, when it is asked for.
    var answer: (any Handler)? {
        guard isStatic else { return nil }
        guard let routes else { return StaticAnswer() }
        let rest = hasParameters ? "{item}/{part}" : "items/list"
        return Router((0..<routes).map { number in Route("/service-\(number)/\(rest)") { StaticAnswer() } })
    }

    /// The middlewares that are measured, outermost first.
    var layers: [any Middleware] {
        var layers: [any Middleware] = Array(repeating: PassThrough(), count: heads)
        layers += pieces.map(\.middleware)
        if let networks { layers.append(IPFilter(deny: .spread(networks))) }
        return layers + Array(repeating: AwaitingPassThrough(), count: awaiting)
    }
}

/// What may stand behind `--layer`.
enum Piece: String, CaseIterable, ExpressibleByArgument {
    case addressFilter = "ip-filter"
    case bodyLimit = "body-limit"
    case loadShedder = "load-shedder"
    case cors
    case csrf
    case securityHeaders = "security-headers"
    case nonce = "security-headers-nonce"
    case maintenance
    case headerRewrite = "header-rewrite"
    case pathRewrite = "path-rewrite"
    case errorPages = "error-pages"

    fileprivate var middleware: any Middleware {
        switch self {
        case .addressFilter: return IPFilter(deny: ["192.0.2.0/24"])
        case .bodyLimit: return BodyLimit(bytes: 1 << 20)
        case .loadShedder: return LoadShedder()
        case .cors: return CORS(allowing: ["https://app.example"])
        case .csrf: return CSRF()
        case .securityHeaders: return SecurityHeaders()
        case .nonce:
            var configuration = SecurityHeaders.Configuration.safe
            configuration.contentSecurityPolicy = "default-src 'self'; script-src 'nonce'"
            return SecurityHeaders(configuration)
        case .maintenance: return Maintenance(Maintenance.Switch())
        case .headerRewrite:
            return HeaderRewrite {
                $0.request.set("X-Edge", to: "1")
                $0.response.remove("X-Powered-By")
            }
        case .pathRewrite: return HeaderRewrite { $0.request.rewritePath(prefix: "/service-0", to: "/service-1") }
        case .errorPages: return ErrorPages("<!doctype html><title>{{status}}</title>")
        }
    }
}

extension [Network] {
    /// So many networks of 24 bits all over the addresses of IPv4. The first is the neighbour of 127.0.0.0/24, so that
    /// the way to a client there is as long with few of them as with many.
    fileprivate static func spread(_ count: Int) -> [Network] {
        (0..<UInt32(count)).map { number in
            let bits = (0x7F0001 &+ number &* 0x9E37_79B1) & 0xFFFFFF
            // The client's own, which is not to be denied.
            guard bits != 0x7F0000 else { return "192.0.2.0/24" }
            return Network("\(bits >> 16).\(bits >> 8 & 0xFF).\(bits & 0xFF).0/24")
        }
    }
}

extension Int {
    /// A number of routes or networks.
    fileprivate init(count argument: String) throws {
        guard let number = Int(argument), (1...1_000_000).contains(number) else {
            throw ValidationError("give a number from 1 to 1000000")
        }
        self = number
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
