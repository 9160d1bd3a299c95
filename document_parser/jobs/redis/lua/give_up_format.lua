-- Report that a format is not tried again, since writing it killed its worker repeatedly. ARGV: job, stage, error as JSON
if state(ARGV[1]) then note_outcome(ARGV[1], ARGV[2], ARGV[3]) end
