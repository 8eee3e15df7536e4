# check: somebody else's COSE (Debian's ruby-cose) reads COSE_Sign1 messages.
#
#   ruby check.rb KEY FILE...     KEY: a public key or certificate, PEM
#
# For each "valid" or "refused", one a line.
require "cose"

# What it takes for a key has an identifier; ours have none, as the messages.
module NoName
  def kid
    nil
  end
end

def key_of(path)
  pem = File.binread(path)
  key = pem.include?("CERTIFICATE") ?
    OpenSSL::X509::Certificate.new(pem).public_key : OpenSSL::PKey.read(pem)
  key.extend(NoName)
end

# Whatever it raises, it does not take the message.
def answer(key, raw)
  COSE::Sign1.deserialize(raw).verify(key) ? "valid" : "refused"
rescue StandardError
  "refused"
end

key = key_of(ARGV.shift)
ARGV.each { |path| puts answer(key, File.binread(path)) }
