import Codec
import Glibc

/// The fuzzer. `FUZZ_TARGET` names what is fuzzed; the arguments are libFuzzer's. `run.sh` knows both.
///
/// An input that breaks an oracle ends the process with the reason on standard error, and libFuzzer keeps the input.
@main
enum Main {
    static func main() {
        let name = getenv("FUZZ_TARGET").map { String(cString: $0) } ?? ""
        guard let target = FuzzTarget(rawValue: name) else {
            let names = FuzzTarget.allCases.map(\.rawValue).joined(separator: ", ")
            report("FUZZ_TARGET is '\(name)' and has to be one of \(names)")
            exit(2)
        }
        var count = CommandLine.argc
        var arguments = CommandLine.unsafeArgv
        exit(startFuzzer(&count, &arguments, target.callback))
    }
}

/// What can be fuzzed.
enum FuzzTarget: String, CaseIterable {
    case requests, responses, targets, fields

    fileprivate var callback: Callback {
        switch self {
        case .requests: { Self.run($0, $1) { fuzzRequests(Input($0)) } }
        case .responses: { Self.run($0, $1) { fuzzResponses(Input($0)) } }
        case .targets: { Self.run($0, $1) { fuzzTarget($0) } }
        case .fields: { Self.run($0, $1) { fuzzFields($0) } }
        }
    }

    private static func run(_ bytes: UnsafePointer<UInt8>?, _ count: Int, _ body: ([UInt8]) -> Void) -> CInt {
        body(Array(UnsafeBufferPointer(start: bytes, count: bytes == nil ? 0 : count)))
        return 0
    }
}

private typealias Callback = @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt

/// libFuzzer's loop, of the library that comes with the toolchain.
@_silgen_name("LLVMFuzzerRunDriver")
private func startFuzzer(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ callback: Callback
) -> CInt

/// Whether every oracle is put to every input, as for the corpus, instead of the dear ones to a sample.
let isThorough = getenv("FUZZ_THOROUGH") != nil

/// Stops at an input that breaks an oracle.
func require(_ condition: Bool, _ reason: @autoclosure () -> String) {
    guard !condition else { return }
    report("broken: \(reason())")
    abort()
}

private func report(_ text: String) {
    var line = text + "\n"
    line.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
}
