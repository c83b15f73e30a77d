import ArgumentParser
import Middleware
import NIOCore

/// A gateway to try the library with, and a plain reverse proxy for the command line.
///
/// Without `--upstream` and `--files` it starts the small ``Origins`` and the ``Gateway`` in front of them. With
/// one of them it forwards everything to that origin, or serves that folder, and switches on what is asked for.
@main
struct ExampleServer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ExampleServer",
        abstract: "An edge server composed with the Middleware library.",
        discussion: """
            Without --upstream it starts a few origins of its own and a gateway in front of them that shows every piece, \
            and prints the chain and what to try. With --upstream it is a plain reverse proxy, with several or with \
            --discover a load balancer, with --files a plain file server.

            SIGTERM and SIGINT end it, once the requests in flight are answered.
            """
    )

    @Option(
        name: .customLong("listen"),
        help: ArgumentHelp(
            "Take connections there: HOST:PORT, [IPV6]:PORT or unix:PATH; repeatable. (default: 127.0.0.1:8080)",
            valueName: "HOST:PORT"
        ),
        transform: { try Listener(argument: $0) }
    )
    var listeners: [Listener] = []

    @Option(
        name: .customLong("upstream"),
        help: ArgumentHelp(
            """
            Forward everything there: HOST:PORT, [IPV6]:PORT, http://HOST:PORT or unix:PATH, then ',weight=N', \
            ',priority=N', ',zone=NAME' or ',backup'; repeatable.
            """,
            valueName: "HOST:PORT"
        ),
        transform: { try Endpoint(upstream: $0) }
    )
    var upstreams: [Endpoint] = []

    @Option(
        help: ArgumentHelp("Serve the files of that folder: all there is without --upstream.", valueName: "FOLDER")
    )
    var files: String?

    @Option(
        help: ArgumentHelp("Event loops. (default: one for each core)", valueName: "N"),
        transform: { try Int(threads: $0) }
    )
    var threads: Int?

    @Option(
        help: ArgumentHelp(
            "What is logged to standard output. (default: off with --upstream, else combined)",
            valueName: "FORMAT"
        )
    )
    var accessLog: LogFormat?

    @OptionGroup(title: "Several upstreams")
    var balancing: BalancingOptions

    @OptionGroup(title: "Other protocols than HTTP")
    var raw: L4Options

    @OptionGroup(title: "Pieces in front of whatever answers")
    var edge: EdgeOptions

    @OptionGroup(visibility: .hidden)
    var measurement: Measurement

    func validate() throws {
        if files != nil, !upstreams.isEmpty {
            throw ValidationError("'--files' answers by itself, leave out '--upstream'")
        }
        try measurement.validate(upstreams: upstreams.count)
    }

    func run() async throws {
        // The loops that NIO shares, on which an access log has its timer.
        if let threads { NIOSingletons.groupLoopCountSuggestion = threads }
        if let origin = origin {
            try await serve(plainGateway(to: origin), on: listeners.isEmpty ? [.standard] : listeners)
        } else {
            try await runDemo()
        }
    }

    /// What answers when it is not the demo.
    private var origin: (any Handler)? {
        if let answer = measurement.answer { return answer }
        if let files { return Files(root: files) }
        return balancing.handler(for: upstreams)
    }

    private func plainGateway(to origin: any Handler) -> Pipeline {
        var layers: [any Middleware] = edge.layers + balancing.layers + measurement.layers
        if let format = accessLog?.format { layers.insert(AccessLog(format: format), at: 0) }
        return Pipeline(layers, endingIn: origin)
    }

    private func runDemo() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            let origins = try await Origins.start(in: &group)
            guard let folder = DemoFolder() else {
                throw ValidationError("no temporary folder can be made for the files of the demo, set TMPDIR to one")
            }
            defer { withExtendedLifetime(folder) {} }
            let gateway = Gateway(origins: origins, files: folder.path, log: accessLog ?? .combined, edge: edge)
            say("\(gateway.chain)\n")
            do {
                try await serve(gateway.chain, on: listeners.isEmpty ? [.standard] : listeners, announce: tour)
            } catch let failure as CannotListen where listeners.isEmpty {
                say("\(failure.reason). The gateway takes a free port instead; --listen HOST:PORT chooses one.\n")
                try await serve(gateway.chain, on: [.http(host: "127.0.0.1", port: 0)], announce: tour)
            }
            // The gateway has drained: nobody needs the origins any more.
            group.cancelAll()
        }
    }

    /// Takes connections until a signal, then drains.
    private func serve(
        _ gateway: Pipeline,
        on listeners: [Listener],
        announce: @escaping @Sendable ([SocketAddress]) -> Void = { _ in }
    ) async throws {
        var configuration = Server.Configuration()
        configuration.threads = threads ?? 0
        let server = Server(gateway, listeners: listeners + raw.listeners, configuration: configuration)
        async let announced: Void = announce(server.addresses())
        do {
            try await server.run()
        } catch let error as CompositionError {
            throw error
        } catch {
            throw CannotListen(on: listeners, error)
        }
        try await announced
    }
}
