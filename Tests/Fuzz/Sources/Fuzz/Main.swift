import Codec
import NIOCore

@_silgen_name("LLVMFuzzerRunDriver")
func runDriver(_ c: UnsafeMutablePointer<CInt>, _ v: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>, _ cb: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt) -> CInt

@main
enum Main {
    static func main() {
        var c = CommandLine.argc
        var v = CommandLine.unsafeArgv
        _ = runDriver(&c, &v) { p, n in
            var d = RequestDecoder()
            var b = ByteBuffer(bytes: UnsafeRawBufferPointer(start: p, count: n))
            do { while try d.next(from: &b) != nil {} } catch {}
            return 0
        }
    }
}
