import ArgumentParser
import HTTPTypes
import Middleware

/// The options that put pieces of the library in front of whatever answers.
struct EdgeOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("Let clients of that network in and no others; repeatable.", valueName: "NETWORK"),
        transform: { try Network(argument: $0) }
    )
    var allow: [Network] = []

    @Option(
        help: ArgumentHelp("Refuse clients of that network; repeatable.", valueName: "NETWORK"),
        transform: { try Network(argument: $0) }
    )
    var deny: [Network] = []

    @Option(
        help: ArgumentHelp("Refuse longer request bodies.", valueName: "BYTES"),
        transform: { try Int(positive: $0) }
    )
    var bodyLimit: Int?

    @Option(
        help: ArgumentHelp("Requests at a time; more of them wait.", valueName: "N"),
        transform: { try Int(positive: $0) }
    )
    var concurrency: Int?

    @Option(
        help: ArgumentHelp("Wait so long for the head of an answer.", valueName: "SECONDS"),
        transform: { try Int(positive: $0) }
    )
    var timeout: Int?

    @Option(
        help: ArgumentHelp(
            "Let pages of that origin read answers, such as https://*.app.example; repeatable.", valueName: "ORIGIN"),
        transform: { try OriginPattern(argument: $0) }
    )
    var cors: [OriginPattern] = []

    @Flag(help: "Refuse requests that other sites make in the name of a user.")
    var csrf = false

    @Flag(help: "Add the safe preset of security headers.")
    var securityHeaders = false

    @Flag(help: "Answer 503, except to this machine.")
    var maintenance = false

    @Option(
        help: ArgumentHelp("Show people that page instead of a bare error.", valueName: "FILE")
    )
    var errorPage: String?

    @Option(
        help: ArgumentHelp("Take that off the front of the path.", valueName: "PATH")
    )
    var stripPrefix: String?

    @Option(
        help: ArgumentHelp("Set a field of requests, or remove it with 'NAME:'; repeatable.", valueName: "NAME: VALUE"),
        transform: { try FieldArgument($0) }
    )
    var requestHeader: [FieldArgument] = []

    @Option(
        help: ArgumentHelp("Set a field of answers, or remove it with 'NAME:'; repeatable.", valueName: "NAME: VALUE"),
        transform: { try FieldArgument($0) }
    )
    var responseHeader: [FieldArgument] = []

    /// What was asked for, outermost first.
    var layers: [any Middleware] {
        var layers: [any Middleware] = []
        if let errorPage { layers.append(ErrorPages(ErrorPages.Page(file: errorPage))) }
        if securityHeaders { layers.append(SecurityHeaders()) }
        if !allow.isEmpty || !deny.isEmpty { layers.append(IPFilter(allow: allow, deny: deny)) }
        if maintenance {
            var configuration = Maintenance.Configuration()
            configuration.exempt = ["127.0.0.0/8", "::1"]
            layers.append(Maintenance(Maintenance.Switch(isOn: true), configuration))
        }
        if !cors.isEmpty { layers.append(CORS(allowing: cors)) }
        if csrf { layers.append(CSRF()) }
        if let bodyLimit { layers.append(BodyLimit(bytes: bodyLimit)) }
        if let concurrency { layers.append(ConcurrencyLimit(concurrency)) }
        if let timeout { layers.append(Timeout(head: .seconds(timeout))) }
        if let rewrite { layers.append(rewrite) }
        return layers
    }

    private var rewrite: HeaderRewrite? {
        guard stripPrefix != nil || !requestHeader.isEmpty || !responseHeader.isEmpty else { return nil }
        return HeaderRewrite { rules in
            if let stripPrefix { rules.request.stripPath(prefix: stripPrefix) }
            for field in requestHeader { field.add(to: &rules.request) }
            for field in responseHeader { field.add(to: &rules.response) }
        }
    }
}

/// `NAME: VALUE`, or `NAME:` for a field that is removed.
struct FieldArgument {
    private let name: HTTPField.Name
    private let value: String

    init(_ argument: String) throws {
        let parts = argument.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let name = HTTPField.Name(String(parts[0])) else {
            throw ValidationError("give 'NAME: VALUE', or 'NAME:' to remove the field")
        }
        self.name = name
        value = String(parts[1].drop { $0 == " " })
    }

    func add<Message>(to rules: inout HeaderRewrite.MessageRules<Message>) {
        if value.isEmpty { rules.remove(name) } else { rules.set(name, to: HeaderRewrite.Value(value)) }
    }
}

extension Network {
    fileprivate init(argument: String) throws {
        do {
            try self.init(parsing: argument)
        } catch {
            throw ValidationError("\(error), give an address or a range such as 10.0.0.0/8")
        }
    }
}

extension OriginPattern {
    fileprivate init(argument: String) throws {
        do {
            try self.init(parsing: argument)
        } catch {
            throw ValidationError("it \(error), give an origin such as https://app.example")
        }
    }
}

extension Int {
    /// A number above zero.
    init(positive argument: String) throws {
        guard let number = Int(argument), number > 0 else { throw ValidationError("give a number above zero") }
        self = number
    }
}
