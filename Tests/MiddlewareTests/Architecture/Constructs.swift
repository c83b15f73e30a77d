/// Constructs that the library does without, each with what to write instead.
enum Constructs {
    /// Traps, printing and loose ends.
    static func traps(in file: SourceFile) -> [Violation] {
        let code = file.code
        var found: [Violation] = []
        func report(_ line: Int, _ problem: String, _ mend: String) {
            found.append(Violation(path: file.path, line: line, problem: problem, mend: mend))
        }
        for (index, token) in code.tokens.enumerated() {
            let isDeclared = index > 0 && code.tokens[index - 1].text == "func"
            switch token.text {
            case "try" where isForced(token, in: code), "as" where isForced(token, in: code):
                report(token.line, "\(token.text)!", "handle the failure, or make it impossible in the types")
            case "fatalError" where code.isCalled(token), "preconditionFailure" where code.isCalled(token):
                report(token.line, "\(token.text)( traps", "answer, throw, or report a CompositionProblem")
            case "print" where code.isCalled(token) && !isDeclared && !code.isMember(token),
                "debugPrint" where code.isCalled(token) && !isDeclared && !code.isMember(token):
                report(token.line, "\(token.text)( writes to standard output", "log through the context's logger")
            default:
                if isForced(token, in: code) { report(token.line, "\(token.text)! unwraps by force", forceMend) }
            }
        }
        for line in forcedCalls(in: code) { report(line, "a result is unwrapped by force", forceMend) }
        return found
    }

    /// Notes to oneself, which belong into an issue.
    static func looseEnds(in file: SourceFile) -> [Violation] {
        file.lines.enumerated().flatMap { index, line in
            line.split { !($0.isLetter || $0.isNumber) }
                .filter { ["TODO", "FIXME", "XXX"].contains($0) }
                .map {
                    Violation(
                        path: file.path, line: index + 1, problem: "\($0) is left",
                        mend: "do it, or file it as an issue")
                }
        }
    }

    /// Promises about threads that the compiler does not check, where no comment says why they hold.
    static func unchecked(in file: SourceFile) -> [Violation] {
        if let folder = file.folder, ["Server", "Upstream"].contains(folder) { return [] }
        return file.code.tokens.compactMap { token in
            let isUnchecked = token.text == "unchecked" && file.code.byte(token.start - 1) == UInt8(ascii: "@")
            let isUnsafe = token.text == "nonisolated" && file.code.arguments(of: token) == "unsafe"
            guard isUnchecked || isUnsafe, !isExplained(token.line, in: file) else { return nil }
            return Violation(
                path: file.path, line: token.line,
                problem: isUnchecked ? "@unchecked Sendable without a reason" : "nonisolated(unsafe) without a reason",
                mend:
                    "let the compiler check it (Mutex, immutable state), or say in a comment just above why it is safe")
        }
    }

    private static let forceMend = "bind it with guard or if, or give a default"

    private static func isForced(_ token: SwiftCode.Token, in code: SwiftCode) -> Bool {
        code.byte(token.end) == UInt8(ascii: "!") && code.byte(token.end + 1) != UInt8(ascii: "=")
            && token.text != "{" && token.text != "}"
    }

    private static func forcedCalls(in code: SwiftCode) -> [Int] {
        let closers: Set = [UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}"), UInt8(ascii: "\"")]
        var line = 1
        var found: [Int] = []
        for (index, byte) in code.bytes.enumerated() {
            if byte == UInt8(ascii: "\n") { line += 1 }
            guard byte == UInt8(ascii: "!"), closers.contains(code.byte(index - 1)) else { continue }
            if code.byte(index + 1) != UInt8(ascii: "=") { found.append(line) }
        }
        return found
    }

    /// A plain comment just above is taken as the reason. A documentation comment stands there anyway, so it must speak
    /// of threads.
    private static func isExplained(_ number: Int, in file: SourceFile) -> Bool {
        var above = number - 1
        func text(_ number: Int) -> String { String(file.line(number).drop { $0 == " " || $0 == "\t" }) }
        while text(above).hasPrefix("@") { above -= 1 }
        if text(above).hasPrefix("//"), !text(above).hasPrefix("///") { return true }
        var words = ""
        while text(above).hasPrefix("///") {
            words += text(above).lowercased() + " "
            above -= 1
        }
        return ["safe", "thread", "loop", "lock", "sendable", "immutable"].contains { words.contains($0) }
    }
}

// MARK: - Time and chance

extension Constructs {
    /// Clocks and random numbers taken from the system, outside the file that implements the real `Runtime`.
    static func ownClocks(in file: SourceFile) -> [Violation] {
        guard !implementsRuntime(file), !systemTime.contains(file.path) else { return [] }
        return file.code.tokens.indices.compactMap { index in
            guard let problem = clock(at: index, in: file.code) ?? chance(at: index, in: file.code) else { return nil }
            return Violation(
                path: file.path, line: file.code.tokens[index].line, problem: problem,
                mend: "take it from context.runtime, or as an argument")
        }
    }

    /// Files beside the real `Runtime` that read the system's clock while, and only while, the runtime's time is it.
    private static let systemTime: Set = ["Sources/Middleware/Core/EventLoop/Worker.swift"]

    /// The real sources of time and chance conform to the protocols that `Runtime` names.
    static func implementsRuntime(_ file: SourceFile) -> Bool {
        let protocols: Set = ["TimeSource", "RandomSource", "Randomness", "RandomNumberGenerator"]
        return file.declarations.contains { declaration in
            declaration.keyword != "protocol" && !declaration.inherited.isDisjoint(with: protocols)
        }
    }

    private static func clock(at index: Int, in code: SwiftCode) -> String? {
        let token = code.tokens[index]
        switch token.text {
        case "ContinuousClock", "SuspendingClock":
            return code.isCalled(token) ? "\(token.text)() reads the system's clock" : nil
        case "Date":
            return code.isCalled(token) && !code.isMember(token) && readsNow(token, in: code)
                ? "Date() reads the system's clock" : nil
        case "now":
            return readsClock(at: index, in: code) ? ".now reads the system's clock" : nil
        case "sleep", "usleep", "nanosleep":
            let isTask = index > 0 && code.tokens[index - 1].text == "Task"
            return code.isCalled(token) && (isTask || !code.isMember(token)) && !isDeclaration(index, in: code)
                ? "\(token.text) waits on the system's clock" : nil
        case "clock_gettime", "gettimeofday":
            return "\(token.text) reads the system's clock"
        default:
            return nil
        }
    }

    private static func chance(at index: Int, in code: SwiftCode) -> String? {
        let token = code.tokens[index]
        switch token.text {
        case "SystemRandomNumberGenerator", "getrandom", "arc4random":
            return "\(token.text) is the system's chance"
        case "random", "randomElement", "shuffled", "shuffle":
            guard code.isMember(token), code.isCalled(token) else { return nil }
            return code.arguments(of: token).contains("using:") ? nil : ".\(token.text)( takes the system's chance"
        default:
            return nil
        }
    }

    private static func readsNow(_ token: SwiftCode.Token, in code: SwiftCode) -> Bool {
        let arguments = code.arguments(of: token)
        return arguments.allSatisfy { $0 == " " } || arguments.contains("SinceNow")
    }

    private static func isDeclaration(_ index: Int, in code: SwiftCode) -> Bool {
        index > 0 && code.tokens[index - 1].text == "func"
    }

    /// `.now` with the type left out, `ContinuousClock.now` and its like, and an event loop's own clock.
    private static func readsClock(at index: Int, in code: SwiftCode) -> Bool {
        let token = code.tokens[index]
        guard code.isMember(token) else { return false }
        let before = code.byte(token.start - 2)
        if [" ", "\n", "(", "[", ",", "=", ":"].contains(where: { UInt8(ascii: $0) == before }) {
            // A chain that goes on from the line above is a member of something.
            let line = code.bytes[..<(token.start - 1)].reversed().prefix { $0 != UInt8(ascii: "\n") }
            return !line.allSatisfy { $0 == UInt8(ascii: " ") }
        }
        guard index > 0, code.tokens[index - 1].end == token.start - 1 else { return false }
        let owner = code.tokens[index - 1].text
        let clocks: Set = [
            "ContinuousClock", "SuspendingClock", "Instant", "Date", "NIODeadline", "DispatchTime", "DispatchWallTime",
        ]
        return clocks.contains(owner) || owner.lowercased().hasSuffix("loop")
    }
}
